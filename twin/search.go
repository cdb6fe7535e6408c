package twin

import (
	"crypto/rand"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/policy"
	"github.com/twinbroker/twinbroker/twin/protocol"
	"github.com/twinbroker/twinbroker/twin/store"
)

// Bounds of searches. The page sizes are Ditto's (protocol-specification-
// things-search); the others keep one request from taking the broker's memory.
const (
	defaultPage   = 25
	largestPage   = 200
	pageBytes     = 1 << 20 // a page ends early when its Things are large
	requestBytes  = 8 << 20 // what is answered to one request; the rest of its demand waits for the next
	requestHidden = 10_000  // so does it when it led past so many Things that the client may not read
	searchesEach  = 20      // open searches of one client
	searchForgets = 5 * time.Minute

	searchNamespaces = 200    // of one search, which is kept
	searchesAll      = 20_000 // open searches of all clients
)

// searches are the open searches of all clients.
type searches struct {
	mu   sync.Mutex
	open map[string]*search // by subscription ID
}

// search walks through the Things of some namespaces in the order of their IDs.
type search struct {
	id         string
	client     string
	namespaces []string
	size       int
	fields     *jsondoc.Selector
	used       time.Time

	mu     sync.Mutex // pages are made one request at a time
	after  string     // the last ID that was given
	demand int64
}

// search answers Ditto's search protocol as far as it can be without an index:
// a walk over the Things of namespaces, sorted by ID. Filters and other orders
// are refused.
func (s *Service) search(cmd *Command, done func(*Outcome)) *protocol.Error {
	m := cmd.Message
	if m.Topic.Group != protocol.Things || m.Topic.Namespace != protocol.Placeholder || m.Topic.Name != protocol.Placeholder || len(m.Path) > 0 {
		return protocol.TopicPathUnknown(m.Topic, m.Path)
	}
	switch m.Topic.Action {
	case "subscribe":
		return s.searchSubscribe(cmd, done)
	case "request":
		return s.searchRequest(cmd, done)
	case "cancel":
		return s.searchCancel(cmd, done)
	}
	return protocol.TopicUnknown(m.Topic.String(), "A search knows subscribe, request and cancel.")
}

func (s *Service) searchSubscribe(cmd *Command, done func(*Outcome)) *protocol.Error {
	m := cmd.Message
	found := &search{id: rand.Text(), client: cmd.Sender.Client, size: defaultPage, used: time.Now()}
	var err *protocol.Error
	if found.fields, err = parseFields(m.Fields); err != nil {
		return err
	}
	if m.Value != nil {
		if err = found.options(m.Value); err != nil {
			return err
		}
	}
	if err = s.searches.add(found); err != nil {
		return err
	}
	done(&Outcome{Response: searchSignal(cmd, "created", found.id)})
	return nil
}

// options reads what is searched for.
func (q *search) options(v *jsondoc.Value) *protocol.Error {
	if v.Kind() != jsondoc.KindObject {
		return protocol.JSONWrongKind("/value", v.Kind(), jsondoc.KindObject)
	}
	if filter, ok := v.Member("filter"); ok && !filter.IsNull() {
		return protocol.SignalUnsupported("The 'filter' of a search")
	}
	if list, ok := v.Member("namespaces"); ok && !list.IsNull() {
		at := jsondoc.Pointer{"namespaces"}
		if list.Kind() != jsondoc.KindArray {
			return protocol.JSONFormatInvalid(at, "an array of strings")
		}
		for e := range list.Elements() {
			ns, ok := e.Text()
			if !ok {
				return protocol.JSONFormatInvalid(at, "an array of strings")
			}
			if len(q.namespaces) == searchNamespaces {
				return protocol.JSONFormatInvalid(at, "an array of at most "+strconv.Itoa(searchNamespaces)+" strings")
			}
			q.namespaces = append(q.namespaces, strings.Clone(ns)) // without the message that it lies in
		}
	}
	if o, ok := v.Member("options"); ok && !o.IsNull() {
		text, ok := o.Text()
		if !ok {
			return protocol.JSONFormatInvalid(jsondoc.Pointer{"options"}, "a string")
		}
		return q.paging(text)
	}
	return nil
}

var pageOption = regexp.MustCompile(`^(?:size\((\d{1,9})\)|sort\(\+thingId\))$`)

// paging reads the options "size(n)" and "sort(+thingId)".
func (q *search) paging(text string) *protocol.Error {
	for option := range strings.SplitSeq(text, "),") {
		option = strings.TrimSpace(option)
		if !strings.HasSuffix(option, ")") {
			option += ")"
		}
		found := pageOption.FindStringSubmatch(option)
		if found == nil {
			return protocol.SignalUnsupported("The search option '" + option + "'")
		}
		if found[1] == "" {
			continue
		}
		n, _ := strconv.Atoi(found[1]) // nine digits: cannot fail
		if n < 1 || n > largestPage {
			return &protocol.Error{Status: 400, Code: "thing-search:option.invalid",
				Message:     "The page size " + found[1] + " is not between 1 and " + strconv.Itoa(largestPage) + ".",
				Description: "Choose another size(…)."}
		}
		q.size = n
	}
	return nil
}

func (s *Service) searchRequest(cmd *Command, done func(*Outcome)) *protocol.Error {
	q, id, err := s.searchOf(cmd)
	if err != nil {
		return err
	}
	v, _ := cmd.Message.Value.Member("demand")
	var demand int64
	if v != nil {
		demand, _ = v.Int()
	}
	if demand < 1 {
		return protocol.JSONFormatInvalid(jsondoc.Pointer{"demand"}, "a number of pages, one or more")
	}
	if q == nil {
		done(searchFailed(cmd, id, &protocol.Error{Status: 404, Code: "thing-search:subscription.notfound",
			Message:     "The search with the subscription ID '" + id + "' is not open.",
			Description: "It was completed, cancelled, not used for 5 minutes, or is another client's."}))
		return nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.demand = min(q.demand+demand, 1<<40)
	out := &Outcome{}
	var seq uint64
	hidden := 0
	for bytes := 0; q.demand > 0 && bytes < requestBytes && hidden < requestHidden; {
		items, last, size, err := s.page(q, &cmd.Sender, &seq, &hidden, &out.Overruled)
		if err != nil {
			return err
		}
		q.demand--
		bytes += size
		if len(items) > 0 || !last {
			out.More = append(out.More, searchSignal(cmd, "next", q.id, jsondoc.Member{Name: "items", Value: jsondoc.Array(items...)}))
		}
		if last {
			s.searches.remove(q.id)
			out.More = append(out.More, searchSignal(cmd, "complete", q.id))
			break
		}
	}
	s.tellAfter(seq, cmd, out, done)
	return nil
}

// page makes the next page, of the Things of which the sender may READ something;
// last says that nothing follows it. It is empty, and not the last, where it led
// past too many of which it may not.
func (s *Service) page(q *search, who *Sender, seq *uint64, hidden *int, overruled *bool) (items []*jsondoc.Value, last bool, size int, _ *protocol.Error) {
	for len(items) < q.size && size < pageBytes && *hidden < requestHidden {
		ids, err := s.List(q.namespaces, q.after, q.size-len(items))
		if err != nil {
			return nil, false, 0, protocol.Internal(err)
		}
		if len(ids) == 0 {
			return items, true, size, nil
		}
		for _, id := range ids {
			e, err := s.store.View(store.Key{Kind: kindThing, ID: id})
			if err != nil {
				return nil, false, 0, protocol.ThingUnavailable(id, err)
			}
			q.after = id
			*seq = max(*seq, e.Seq)
			if documentOf(e).Value == nil {
				continue // deleted since
			}
			may, refused := s.rightsOf(id, documentOf(e), who)
			if refused != nil {
				return nil, false, 0, refused
			}
			*seq = max(*seq, may.seq)
			if !may.some(policy.Read, nil) {
				*hidden++
				continue
			}
			thing, refused := s.view(id, &e, resThing, nil, q.fields, &may, s.currentPolicy)
			*seq = max(*seq, e.Seq)
			if refused != nil {
				return nil, false, 0, refused
			}
			*overruled = *overruled || may.overruled
			items = append(items, thing)
			if size += thing.Size(); size >= pageBytes {
				break
			}
		}
	}
	more, err := s.List(q.namespaces, q.after, 1)
	if err != nil {
		return nil, false, 0, protocol.Internal(err)
	}
	return items, len(more) == 0, size, nil
}

func (s *Service) searchCancel(cmd *Command, done func(*Outcome)) *protocol.Error {
	q, _, err := s.searchOf(cmd)
	if err != nil {
		return err
	}
	if q != nil {
		s.searches.remove(q.id)
	}
	done(&Outcome{})
	return nil
}

// searchOf finds the search that a message names; nil if it is not open, or
// another client's.
func (s *Service) searchOf(cmd *Command) (*search, string, *protocol.Error) {
	at := jsondoc.Pointer{"subscriptionId"}
	if cmd.Message.Value == nil {
		return nil, "", protocol.JSONValueMissing("an object with a subscriptionId")
	}
	v, ok := cmd.Message.Value.Member(at[0])
	if !ok {
		return nil, "", protocol.JSONFieldMissing("/subscriptionId")
	}
	id, ok := v.Text()
	if !ok {
		return nil, "", protocol.JSONFormatInvalid(at, "a string")
	}
	return s.searches.get(id, cmd.Sender.Client), id, nil
}

func (a *searches) get(id, client string) *search {
	a.mu.Lock()
	defer a.mu.Unlock()
	q := a.open[id]
	if q == nil || q.client != client {
		return nil
	}
	q.used = time.Now()
	return q
}

func (a *searches) remove(id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.open, id)
}

// add opens a search, after forgetting those that nobody asked for a while.
func (a *searches) add(q *search) *protocol.Error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.open == nil {
		a.open = map[string]*search{}
	}
	own := 0
	for id, other := range a.open {
		switch {
		case q.used.Sub(other.used) > searchForgets:
			delete(a.open, id)
		case other.client == q.client:
			own++
		}
	}
	if len(a.open) >= searchesAll {
		return &protocol.Error{Status: 429, Code: "thing-search:toomanysearches",
			Message:     "All clients together have " + strconv.Itoa(len(a.open)) + " open searches.",
			Description: "Try again later."}
	}
	if own >= searchesEach {
		return &protocol.Error{Status: 429, Code: "thing-search:toomanysearches",
			Message:     "The client has " + strconv.Itoa(own) + " open searches.",
			Description: "Read one to its end, or cancel it."}
	}
	a.open[q.id] = q
	return nil
}

// searchSignal is what the search protocol answers.
func searchSignal(cmd *Command, action, id string, more ...jsondoc.Member) *protocol.Message {
	members := append([]jsondoc.Member{{Name: "subscriptionId", Value: jsondoc.String(id)}}, more...)
	r := respond(cmd, nil, 0, jsondoc.Object(members...))
	r.Topic.Action = action
	return r
}

func searchFailed(cmd *Command, id string, err *protocol.Error) *Outcome {
	return &Outcome{More: []*protocol.Message{searchSignal(cmd, "failed", id, jsondoc.Member{Name: "error", Value: jsondoc.Object(
		jsondoc.Member{Name: "status", Value: jsondoc.Int(int64(err.Status))},
		jsondoc.Member{Name: "error", Value: jsondoc.String(err.Code)},
		jsondoc.Member{Name: "message", Value: jsondoc.String(err.Message)},
		jsondoc.Member{Name: "description", Value: jsondoc.String(err.Description)},
	)})}}
}
