package acl

import "sync/atomic"

// Client is somebody whom rules are asked about. It is shared by pointer, and
// keeps what the present rules come to for it.
type Client struct {
	ID       string
	Username string   // as it was proved; "" for who has none
	Subjects []string // under which it acts
	Admin    bool

	kept atomic.Pointer[grants]
}

// grants are the client's by these rules.
func (c *Client) grants(r *Rules) *grants {
	g := c.kept.Load()
	if g == nil || g.rules != r {
		g = r.grantsFor(c)
		c.kept.Store(g)
	}
	return g
}
