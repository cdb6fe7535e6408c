package twin

import "github.com/twinbroker/twinbroker/twin/jsondoc"

// policyChanged is called after every change of a Policy, with what it is now;
// nil: it is gone.
func (s *Service) policyChanged(id string, now *jsondoc.Value) {}
