package protocol

// Error is a refusal: Ditto's error JSON.
type Error struct {
	Status                           int
	Code, Message, Description, Href string
}

// Error implements error.
func (e *Error) Error() string { return e.Code + ": " + e.Message }

// Response is the envelope that tells the sender of cmd (which may be nil).
func (e *Error) Response(cmd *Message) *Message { panic("being written") }
