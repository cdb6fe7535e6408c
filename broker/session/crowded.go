package session

// Crowded says whether the queue of a client that is connected is more than half
// full, and not full yet: who publishes much on nobody's behalf may wait until
// none is, so that nothing is dropped on his account.
func (r *Registry) Crowded() bool {
	for _, s := range r.list() {
		s.mu.Lock()
		crowded := s.conn != nil && (s.crowded(&s.atMostOnce) || s.crowded(&s.assured))
		s.mu.Unlock()
		if crowded {
			return true
		}
	}
	return false
}

func (s *Session) crowded(q *queue) bool {
	return !s.full(q) && (q.count > s.reg.opts.QueueMessages/2 || q.bytes > s.reg.opts.QueueBytes/2)
}
