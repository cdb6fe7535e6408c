package protocol

import (
	"github.com/twinbroker/twinbroker/twin/jsondoc"
)

// PatchCondition says on what a part of a merge patch depends.
type PatchCondition struct {
	Path       jsondoc.Pointer // of the part, within the patch
	Expression string          // RQL
}

// PatchConditions reads the header merge-thing-patch-conditions (Ditto's page
// basic-conditional-requests, "Path-specific conditions"): a JSON object, or
// the text of one, with an RQL expression for each path. None where there is no
// such header. The error's code is header.invalid.
func (h *Headers) PatchConditions() ([]PatchCondition, *Error) {
	v := h.Value(HeaderPatchConditions)
	if v == nil {
		return nil, nil
	}
	return patchConditions(HeaderPatchConditions, v)
}

func checkPatchConditions(name string, v *jsondoc.Value) *Error {
	_, err := patchConditions(name, v)
	return err
}

func patchConditions(name string, v *jsondoc.Value) ([]PatchCondition, *Error) {
	const want = "a JSON object with an RQL expression for each path"
	object := asJSON(v)
	if object.Kind() != jsondoc.KindObject {
		return nil, HeaderInvalid(name, v, want)
	}
	conditions := make([]PatchCondition, 0, object.Len())
	for path, expression := range object.Members() {
		p, err := jsondoc.ParsePointer(path)
		if err != nil {
			return nil, HeaderUnusable(name, err.Error()+".")
		}
		text, ok := expression.Text()
		if !ok {
			return nil, HeaderInvalid(name, v, want)
		}
		conditions = append(conditions, PatchCondition{p, text})
	}
	return conditions, nil
}
