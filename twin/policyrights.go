package twin

import (
	"github.com/twinbroker/twinbroker/twin/policy"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

// rightsToPolicy finds out what the sender may do to a Policy, by what it says
// itself, as it is or as it is to be.
func (s *Service) rightsToPolicy(id string, sender *Sender, with made) (rights, *protocol.Error) {
	a, err := s.access(id, "", with)
	if err != nil {
		return rights{}, protocol.PolicyUnavailable(id, err)
	}
	return rights{access: a, of: policy.Policy, who: sender.Subjects, admin: sender.Admin}, nil
}
