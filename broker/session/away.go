package session

// RecognizeAway looks again at the clients that are away, after what is
// configured of clients has changed. The sessions of those that would not be let
// in any more end, without their wills; ended is how many. The others are from
// now on who they are by now: so their wills are sent, and shared subscriptions
// and what waits for them is decided upon.
func (r *Registry) RecognizeAway() (ended int) {
	for _, s := range r.list() {
		if s.recognizeAway() {
			ended++
		}
	}
	return ended
}

// recognizeAway says whether the session was ended.
func (s *Session) recognizeAway() bool {
	s.mu.Lock()
	visit, away, who := s.visits, s.conn == nil && !s.ended, s.who.Load()
	s.mu.Unlock()
	if !away {
		return false
	}
	now, ok := who.Now()
	s.mu.Lock()
	if s.conn != nil || s.ended || s.visits != visit {
		s.mu.Unlock()
		return false
	}
	if ok {
		s.actAs(now)
		s.mu.Unlock()
		return false
	}
	s.will = nil
	s.mu.Unlock()
	s.reg.end(s, visit)
	return true
}

// GaveID says whether the identifier is one that the broker made up, for a
// client of that Identity whose session it still is (MQTT 5.0 section 3.2.2.3.7).
func (r *Registry) GaveID(client, identity string) bool {
	r.mu.Lock()
	s := r.sessions[client]
	mine := s != nil && s.owner == identity
	r.mu.Unlock()
	return mine && s.who.Load().GivenID
}
