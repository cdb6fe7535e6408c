package mapping

// wanted says whether the publication's selection wants the event, and finds
// what is to be told with it. That is done once, for the first place that its
// path fits.
func (s *search) wanted() bool {
	if s.looked {
		return !s.unwanted
	}
	s.looked = true
	extra, wanted := s.pub.selection.Select(s.event, &s.thing)
	s.extra, s.unwanted = extra, !wanted
	if s.unwanted {
		s.filtered++
	}
	return wanted
}

// envelope is the whole event, with what is to be told with it.
func (s *search) envelope() []byte {
	if s.extra == nil {
		return s.event.AppendJSON(nil)
	}
	enriched := *s.event
	enriched.Extra = s.extra
	return enriched.AppendJSON(nil)
}
