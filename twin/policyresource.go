package twin

import (
	"strings"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/policy"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

// policyResource is what stands at a path of a Policy (Ditto's PolicyResource).
type policyResource uint8

const (
	resPolicy policyResource = iota + 1
	resEntries
	resEntry
	resSubjects
	resSubject
	resResources
	resResource
	resImportable
	resAllowedAdditions
	resNamespaces
	resReferences
	resImports
	resImport
	resImportEntries
	resTransitiveImports
)

// Names of the members of a Policy, of its entries and of its imports.
const (
	memberEntries           = "entries"
	memberImports           = "imports"
	memberSubjects          = "subjects"
	memberResources         = "resources"
	memberImportable        = "importable"
	memberAllowedAdditions  = "allowedAdditions"
	memberNamespaces        = "namespaces"
	memberReferences        = "references"
	memberTransitiveImports = "transitiveImports"
)

// What is answered of a part that is not there and goes without saying.
var (
	noMembers = jsondoc.Object()
	implicit  = jsondoc.String(string(policy.Implicit))
)

// policyPlace is a place in a Policy that a command is about.
type policyPlace struct {
	is policyResource
	// asked is the path as the command has it; permissions are asked for there.
	asked jsondoc.Pointer
	// at is where it stands in the document: the key of a resource is one name
	// there, with the slashes of its path in it, and so is a subject's ID.
	at jsondoc.Pointer
}

// placeAt finds out what stands at a path of a Policy.
func placeAt(p jsondoc.Pointer) (policyPlace, *protocol.Error) {
	place := policyPlace{asked: p, at: p}
	if len(p) == 0 {
		place.is = resPolicy
		return place, nil
	}
	var err *protocol.Error
	switch p[0] {
	case memberEntries:
		err = place.inEntries(p)
	case memberImports:
		err = place.inImports(p)
	}
	if err == nil && place.is == 0 {
		err = protocol.PolicyPathUnknown(p)
	}
	return place, err
}

func (place *policyPlace) inEntries(p jsondoc.Pointer) *protocol.Error {
	switch len(p) {
	case 1:
		place.is = resEntries
		return nil
	case 2:
		place.is = resEntry
		return protocol.CheckLabel(p, p[1])
	}
	switch p[2] {
	case memberSubjects:
		place.is = resSubjects
		if len(p) > 3 {
			place.is = resSubject
			place.at = append(p[:3:3], strings.Join(p[3:], "/"))
		}
	case memberResources:
		place.is = resResources
		if len(p) > 3 {
			place.is = resResource
			place.at = append(p[:3:3], resourceKey(strings.Join(p[3:], "/")))
		}
	default:
		if len(p) == 3 {
			place.is = map[string]policyResource{
				memberImportable: resImportable, memberAllowedAdditions: resAllowedAdditions,
				memberNamespaces: resNamespaces, memberReferences: resReferences,
			}[p[2]]
		}
	}
	if place.is == 0 {
		return nil
	}
	return protocol.CheckLabel(p[:2], p[1])
}

func (place *policyPlace) inImports(p jsondoc.Pointer) *protocol.Error {
	switch {
	case len(p) == 1:
		place.is = resImports
		return nil
	case len(p) == 2:
		place.is = resImport
	case len(p) == 3 && p[2] == memberEntries:
		place.is = resImportEntries
	case len(p) == 3 && p[2] == memberTransitiveImports:
		place.is = resTransitiveImports
	default:
		return nil
	}
	return protocol.CheckPolicyID(p[1])
}

// resourceKey is the key of a resource as Ditto writes it: its path begins with
// a slash, and ends with none but the first.
func resourceKey(key string) string {
	kind, path, ok := strings.Cut(key, ":")
	if !ok {
		return key
	}
	return kind + ":/" + strings.Trim(path, "/")
}

// label is that of the entry that the place is in.
func (place *policyPlace) label() string {
	if place.is == resEntries || len(place.at) < 2 || place.at[0] != memberEntries {
		return ""
	}
	return place.at[1]
}

// last is the name at the end of the path: a label, the ID of a subject, the
// key of a resource, the ID of an imported Policy.
func (place *policyPlace) last() string { return place.at[len(place.at)-1] }

// takes says whether there is such a command for the place.
func (place *policyPlace) takes(action string) bool {
	switch action {
	case protocol.ActionRetrieve, protocol.ActionModify:
		return true
	case protocol.ActionCreate:
		return place.is == resPolicy
	case protocol.ActionDelete:
		switch place.is {
		case resEntries, resSubjects, resResources, resImportable, resNamespaces, resImportEntries, resTransitiveImports:
			return false
		}
		return true
	}
	return false
}

// notFound is the error for what should be there and is not, or is not to be
// seen.
func (place *policyPlace) notFound(id string) *protocol.Error {
	switch place.is {
	case resPolicy, resEntries:
		return protocol.PolicyNotFound(id)
	case resSubjects:
		return protocol.SubjectsNotFound(id, place.label())
	case resSubject:
		return protocol.SubjectNotFound(id, place.label(), place.last())
	case resResources:
		return protocol.ResourcesNotFound(id, place.label())
	case resResource:
		return protocol.ResourceNotFound(id, place.label(), place.last())
	case resImports:
		return protocol.PolicyImportsNotFound(id)
	case resImport, resImportEntries, resTransitiveImports:
		return protocol.PolicyImportNotFound(id, place.at[1])
	}
	return protocol.PolicyEntryNotFound(id, place.label())
}

// notModifiable is the error for a sender who may not write there.
func (place *policyPlace) notModifiable(id string) *protocol.Error {
	switch place.is {
	case resPolicy, resEntries:
		return protocol.PolicyNotModifiable(id)
	case resSubjects:
		return protocol.SubjectsNotModifiable(id, place.label())
	case resSubject:
		return protocol.SubjectNotModifiable(id, place.label(), place.last())
	case resResources:
		return protocol.ResourcesNotModifiable(id, place.label())
	case resResource:
		return protocol.ResourceNotModifiable(id, place.label(), place.last())
	case resImports:
		return protocol.PolicyImportsNotModifiable(id)
	case resImport, resImportEntries, resTransitiveImports:
		return protocol.PolicyImportNotModifiable(id, place.at[1])
	}
	return protocol.PolicyEntryNotModifiable(id, place.label())
}

// parent is what must be there for something to be written or found there: the
// entry or the import that it belongs to. False where that is the Policy.
func (place *policyPlace) parent() (policyPlace, bool) {
	switch place.is {
	case resPolicy, resEntries, resEntry, resImports, resImport:
		return policyPlace{}, false
	case resImportEntries, resTransitiveImports:
		return policyPlace{is: resImport, asked: place.asked[:2], at: place.at[:2]}, true
	}
	return policyPlace{is: resEntry, asked: place.asked[:2], at: place.at[:2]}, true
}

// invalid is the error for a change of the place after which nobody could
// change the Policy.
func (place *policyPlace) invalid(id string) *protocol.Error {
	if label := place.label(); label != "" {
		return protocol.PolicyEntryModificationInvalid(id, label)
	}
	return protocol.PolicyModificationInvalid(id)
}
