package twin

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/policy"
	"github.com/twinbroker/twinbroker/twin/protocol"
	"github.com/twinbroker/twinbroker/twin/store"
)

// The kinds of entities in the store. The numbers are on disk.
const (
	kindThing  store.Kind = 1
	kindPolicy store.Kind = 2
	kindNamed  store.Kind = 3 // the ID of a Policy that is named and never was
)

// Kinds tells the store what it has to know about Things and Policies, also
// where there is no [Service]: the tools that look after the files.
func Kinds() map[store.Kind]store.KindSpec {
	return map[store.Kind]store.KindSpec{
		kindThing: {Name: "thing", Decode: decodeDocument, Apply: applyRecord},
		// Whoever makes a Policy anew gets what still names it: that there was one
		// is not forgotten.
		kindPolicy: {Name: "policy", Decode: decodeDocument, Apply: applyRecord, Watched: true, KeepDeleted: true},
		kindNamed:  {Name: "named policy", Decode: decodeDocument, Apply: applyRecord},
	}
}

// Ditto's limits for the sizes of Things and Policies, in bytes.
const (
	DefaultThingSize  = 100 << 10
	DefaultPolicySize = 100 << 10
)

// Options are what a [Service] can be told. The zero value means the defaults.
type Options struct {
	ThingSize  int // bytes of a Thing's JSON; 0: DefaultThingSize, negative: no limit
	PolicySize int // bytes of a Policy's JSON; 0: DefaultPolicySize, negative: no limit
	Depth      int // levels of objects and arrays in a Thing; 0: jsondoc.DefaultDepth
	// DropEmptied: objects of a merge that its merge-thing-patch-conditions
	// leave empty are left out as well. Ditto has it as
	// MERGE_REMOVE_EMPTY_OBJECTS_AFTER_PATCH_CONDITION_FILTERING.
	DropEmptied bool
	// History are the headers that are stored with each change; nil: the
	// originator and the correlation ID.
	History []string
	// SubjectExpiry is to what the times are rounded up at which subjects of
	// Policies expire; 0: DefaultSubjectExpiry, negative: they are not rounded.
	SubjectExpiry time.Duration
	// SubjectAnnouncement is the same for how long before it is announced.
	SubjectAnnouncement time.Duration
	// AnnouncementSpread is by how much earlier than asked for an announcement
	// may be made, at random; 0: DefaultAnnouncementSpread, negative: never.
	AnnouncementSpread time.Duration
	// NamespacePolicies are the IDs of Policies whose entries hold for all
	// Things and Policies of a namespace as well, by patterns of namespaces.
	NamespacePolicies policy.Roots
	// Creation says who may make Things and Policies; nil: everybody. It can be
	// changed later ([Service.LimitCreation]).
	Creation *policy.Creation
	// Unheard: nobody is there who could be told of an event, so who may READ
	// what PutEntity does is not found out. For tools that work without a broker.
	Unheard bool
	Store   store.Options
}

// Ditto's settings for the times in Policies.
const (
	DefaultSubjectExpiry       = time.Hour
	DefaultSubjectAnnouncement = time.Minute
	DefaultAnnouncementSpread  = 5 * time.Minute
)

// Service applies messages to Things. Its methods may be called from any
// goroutine.
type Service struct {
	store      *store.Store
	thingSize  int
	policySize int
	depth      int
	history    []string
	searches   searches
	past       *readers
	rounding   rounding
	clock      *subjectClock
	enforcers  *accessCache
	alikes     *alikes
	roots      policy.Roots // Options.NamespacePolicies
	creation   atomic.Pointer[policy.Creation]
	named      namedPolicies
	namers     namers
	// dropEmptied and unheard are those of the Options.
	dropEmptied, unheard bool
}

// Open opens the data in dir, which is made when it is not there. The error
// says what could not be read.
func Open(dir string, o Options) (*Service, error) {
	memory := o.Store.Memory
	if memory == 0 {
		memory = store.DefaultMemory
	}
	o.Store.Memory = memory / accessShare * (accessShare - 1 - alikeShares)
	s := &Service{thingSize: o.ThingSize, policySize: o.PolicySize, depth: o.Depth, history: o.History, past: newReaders(o.Store.Logger), dropEmptied: o.DropEmptied, unheard: o.Unheard,
		enforcers: newAccessCache(memory / accessShare), alikes: newAlikes(memory / accessShare * alikeShares), roots: o.NamespacePolicies}
	if s.thingSize == 0 {
		s.thingSize = DefaultThingSize
	}
	if s.policySize == 0 {
		s.policySize = DefaultPolicySize
	}
	if s.depth == 0 {
		s.depth = jsondoc.DefaultDepth
	}
	if s.history == nil {
		s.history = []string{protocol.HeaderOriginator, protocol.HeaderCorrelationID}
	}
	s.rounding = rounding{
		expiries:      cmp.Or(o.SubjectExpiry, DefaultSubjectExpiry),
		announcements: cmp.Or(o.SubjectAnnouncement, DefaultSubjectAnnouncement),
	}
	s.clock = newSubjectClock(s, cmp.Or(o.AnnouncementSpread, DefaultAnnouncementSpread))
	s.creation.Store(o.Creation)
	opened, err := store.Open(dir, Kinds(), o.Store)
	if err != nil {
		return nil, err
	}
	s.store = opened
	if err := s.named.load(opened); err != nil {
		return nil, errors.Join(err, opened.Close())
	}
	return s, nil
}

// Close ends the service after finishing what it accepted: every outcome is
// told, and then nothing more is accepted.
func (s *Service) Close() error {
	s.clock.close()
	s.past.close()
	return s.store.Close()
}

// Store is the store underneath, for what is its own business: the receipts of
// QoS 2 publishes and its figures.
func (s *Service) Store() *store.Store { return s.store }

// HistoryReads are figures of the retrieves that asked for the past.
func (s *Service) HistoryReads() HistoryReads { return s.past.stats() }

// Handle applies a message. done is called exactly once, with what came of it,
// when everything that the outcome was computed from is on disk: on the
// store's teller goroutine, in the order of the changes, or before Handle
// returns where nothing is pending. What asks for the past is told when it has
// been read, on another goroutine. Handle waits for no disk, except to load a
// Thing that is not in memory.
//
// The commands of one sender for one Thing are applied in the order in which
// Handle is called.
func (s *Service) Handle(cmd *Command, done func(*Outcome)) {
	m := cmd.Message
	if err := admit(cmd); err != nil {
		refuse(cmd, err, done)
		return
	}
	if err := answerable(m.Topic); err != nil {
		refuse(cmd, err, done)
		return
	}
	if m.Topic.Criterion == protocol.Search {
		if err := s.search(cmd, done); err != nil {
			refuse(cmd, err, done)
		}
		return
	}
	var err *protocol.Error
	if m.Topic.Group == protocol.Policies {
		if err := s.handlePolicy(cmd, done); err != nil {
			refuse(cmd, err, done)
		}
		return
	}
	switch m.Topic.Action {
	case protocol.ActionRetrieve:
		err = s.retrieve(cmd, done)
	case protocol.ActionModify, protocol.ActionMerge, protocol.ActionCreate, protocol.ActionDelete:
		err = s.change(cmd, done)
	case protocol.ActionMigrate:
		err = s.migrate(cmd, done)
	default:
		err = protocol.TopicPathUnknown(m.Topic, m.Path)
	}
	if err != nil {
		refuse(cmd, err, done)
	}
}

// admit checks the headers of a message that comes in, and adds what Ditto adds.
func admit(cmd *Command) *protocol.Error {
	h := &cmd.Message.Headers
	err := h.Admit()
	cmd.correlated = h.Correlate()
	return err
}

// handlePolicy applies a command for Policies.
func (s *Service) handlePolicy(cmd *Command, done func(*Outcome)) *protocol.Error {
	m := cmd.Message
	switch m.Topic.Action {
	case protocol.ActionRetrieve:
		return s.retrievePolicy(cmd, done)
	case protocol.ActionModify, protocol.ActionCreate, protocol.ActionDelete:
		return s.changePolicy(cmd, done)
	case protocol.ActionActivateToken, protocol.ActionDeactivateToken:
		return s.actOnPolicy(cmd, done)
	case protocol.ActionCheckPermissions:
		return s.checkPermissions(cmd, done)
	}
	return protocol.TopicPathUnknown(m.Topic, m.Path)
}

// answerable: the service answers commands on the twin channel of Things, and
// those for Policies.
func answerable(t protocol.Topic) *protocol.Error {
	switch {
	case t.Group == protocol.Policies && t.Criterion != protocol.Commands:
		return protocol.TopicUnknown(t.String(), "Clients send commands to Policies; "+
			t.Criterion.String()+" come from the broker.")
	case t.Group == protocol.Policies:
		return nil
	case t.Group == protocol.Connections:
		return protocol.SignalUnsupported("The topic '" + t.String() + "' (connections)")
	case t.Channel == protocol.Live:
		return protocol.SignalUnsupported("The topic '" + t.String() + "' (live channel)")
	case t.Criterion == protocol.Search:
		return nil
	case t.Criterion == protocol.Streaming:
		return protocol.SignalUnsupported("The topic '" + t.String() + "' (" + t.Criterion.String() + ")")
	case t.Criterion != protocol.Commands:
		return protocol.TopicUnknown(t.String(), "Clients send commands on the twin channel; "+
			t.Criterion.String()+" come from the broker.")
	}
	return nil
}

// refuse tells at once what depends on nothing that is stored.
func refuse(cmd *Command, err *protocol.Error, done func(*Outcome)) {
	done(refusal(cmd, err))
}

func refusal(cmd *Command, err *protocol.Error) *Outcome {
	return &Outcome{Err: err, Refused: cmd, Response: err.Response(cmd.Message)}
}

// unavailable is what came of a command that the store did not take.
func unavailable(cmd *Command, err error) *Outcome {
	refused := protocol.ThingUnavailable(cmd.Message.Topic.EntityID(), err)
	if cmd.Message.Topic.Group == protocol.Policies {
		refused = protocol.PolicyUnavailable(cmd.Message.Topic.EntityID(), err)
	}
	o := refusal(cmd, refused)
	o.Unknown = errors.Is(err, store.ErrFailed)
	return o
}

// tellAfter tells an outcome that was computed from what stands at seq in the
// journal, when that is on disk.
func (s *Service) tellAfter(seq uint64, cmd *Command, o *Outcome, done func(*Outcome)) {
	s.store.After(seq, func(err error) {
		if err != nil {
			o = unavailable(cmd, err)
		}
		done(o)
	})
}

// refuseAfter is tellAfter for a refusal.
func (s *Service) refuseAfter(seq uint64, cmd *Command, err *protocol.Error, done func(*Outcome)) {
	s.tellAfter(seq, cmd, refusal(cmd, err), done)
}

// List gives the IDs of up to n Things in these namespaces (none: in all),
// sorted, that come after the given one ("" for the first).
func (s *Service) List(namespaces []string, after string, n int) ([]string, error) {
	if len(namespaces) == 0 {
		return s.store.Keys(kindThing, "", after, n)
	}
	namespaces = slices.Clone(namespaces)
	slices.Sort(namespaces)
	var ids []string
	for _, ns := range slices.Compact(namespaces) {
		some, err := s.store.Keys(kindThing, ns+":", after, n)
		if err != nil {
			return nil, err
		}
		ids = append(ids, some...)
	}
	// Namespaces sort by themselves as "a" < "a-b", with the colon behind them
	// as "a-b:" < "a:", so what came from each must be put in order.
	slices.SortFunc(ids, strings.Compare)
	return ids[:min(n, len(ids))], nil
}
