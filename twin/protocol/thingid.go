package protocol

// ThingID is a Thing's identifier, namespace and name.
type ThingID struct{ Namespace, Name string }

// String is the ID as text, "namespace:name".
func (id ThingID) String() string { return id.Namespace + ":" + id.Name }

// ParseThingID checks a Thing ID and takes it apart.
func ParseThingID(s string) (ThingID, error) { panic("being written") }
