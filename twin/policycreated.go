package twin

import "time"

// PolicyCreated is when the Policy of that ID was made that is there now, be it
// on disk or not; the zero time where there is none, or it is not known. It tells
// one Policy from another that had the same ID before.
func (s *Service) PolicyCreated(policyID string) (time.Time, error) {
	e, err := s.currentPolicy(policyID)
	if err != nil || e.State == nil {
		return time.Time{}, err
	}
	return e.Created, nil
}
