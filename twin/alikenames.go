package twin

import "hash/maphash"

// alikeNames says of many Policies which rulebook they go by, in as few bytes as
// can be. It is a cache: a Policy may be missing. An ID is not kept, but two
// hashes of it by secret seeds, of which one says where it stands and the other
// one stands there; that two IDs agree in both happens to nobody.
type alikeNames struct {
	seeds [2]maphash.Seed
	most  int // slots
	slots []alikeSlot
	used  int
}

// alikeSlot is a Policy as it stood when it was looked at: which change was its
// last one and how far its changes were counted.
type alikeSlot struct {
	tag uint64 // 0: nobody
	seq uint64
	was uint32 // the lowest bits
	// book is the number of the rulebook.
	book uint16
}

const (
	alikeSlotSize = 24
	// alikeWays are the slots in which a Policy may stand.
	alikeWays   = 8
	fewestSlots = 1 << 10
)

func newAlikeNames(room int64) alikeNames {
	n := alikeNames{seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}, most: fewestSlots}
	for 2*n.most*alikeSlotSize <= int(room) {
		n.most *= 2
	}
	return n
}

// ways gives the slots in which a Policy may stand, and its tag.
func (n *alikeNames) ways(policyID string) ([]alikeSlot, uint64) {
	if n.slots == nil {
		return nil, 0
	}
	at := int(maphash.String(n.seeds[0], policyID)) & (len(n.slots) - 1) &^ (alikeWays - 1)
	return n.slots[at : at+alikeWays], max(1, maphash.String(n.seeds[1], policyID))
}

// get finds a Policy.
func (n *alikeNames) get(policyID string) (alikeSlot, bool) {
	ways, tag := n.ways(policyID)
	for i := range ways {
		if ways[i].tag == tag {
			return ways[i], true
		}
	}
	return alikeSlot{}, false
}

// put keeps a Policy, in the place of another one where there is no room. As
// long as there may be more slots it then begins anew with twice as many.
func (n *alikeNames) put(policyID string, s alikeSlot) {
	if n.slots == nil {
		n.slots = make([]alikeSlot, fewestSlots)
	}
	ways, tag := n.ways(policyID)
	s.tag = tag
	free := -1
	for i := range ways {
		switch ways[i].tag {
		case tag:
			ways[i] = s
			return
		case 0:
			free = i
		}
	}
	switch {
	case free >= 0:
		ways[free] = s
		n.used++
	case len(n.slots) < n.most && n.used > len(n.slots)/4:
		n.slots, n.used = make([]alikeSlot, 2*len(n.slots)), 0
		n.put(policyID, s)
	default:
		ways[int(s.seq%alikeWays)] = s
	}
}

// forget begins anew.
func (n *alikeNames) forget() { n.slots, n.used = nil, 0 }
