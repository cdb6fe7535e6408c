package twin

import (
	"github.com/twinbroker/twinbroker/twin/policy"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

// Who may make Things and Policies at all is said by the configuration (Ditto's
// page installation-operating, "Restricting entity creation"; its
// CreationRestrictionPreEnforcer). It is asked before anything else: who may not
// make an entity is not told either that it is there, or what is wrong with it.
// A Policy that comes with a Thing is one that its sender makes. An administrator
// may make everything, and so may whoever puts entities in place ([Service.PutEntity]).

// LimitCreation says from now on who may make Things and Policies; nil:
// everybody.
func (s *Service) LimitCreation(to *policy.Creation) { s.creation.Store(to) }

// mayMake finds out whether the configuration lets the sender make the entity that
// the command is about.
func (w *writing) mayMake(is policy.Resource) *protocol.Error {
	if why := w.refusesToMake(is, w.id); why != "" {
		return protocol.EntityNotCreatable(w.id, why)
	}
	return nil
}

// mayMakePolicyOfThing finds it out for the Policy that is made along with a
// Thing.
func (w *writing) mayMakePolicyOfThing(id string) *protocol.Error {
	if why := w.refusesToMake(policy.Policy, id); why != "" {
		return protocol.ThingPolicyNotCreatable(w.id, id, why)
	}
	return nil
}

// refusesToMake says why the sender may not make the entity; "": it may.
func (w *writing) refusesToMake(is policy.Resource, id string) (why string) {
	limits := w.s.creation.Load()
	if limits == nil || w.placed {
		return ""
	}
	m := policy.Making{Is: is, Namespace: namespaceOf(id)}
	if is == policy.Thing {
		m.Definition = w.parts.definitionText()
	}
	why = limits.Refuses(&m, w.cmd.Sender.Subjects)
	if why != "" && w.cmd.Sender.Admin {
		w.rights.overruled = true
		return ""
	}
	return why
}
