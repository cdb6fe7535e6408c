package protocol

import (
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
)

// section is the part of the compatibility table below a heading.
func section(t *testing.T, heading string) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/ditto-compatibility.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(text), "\n## "+heading+"\n")
	if !ok {
		t.Fatalf("there is no section %s", heading)
	}
	rest, _, _ = strings.Cut(rest, "\n## ")
	return rest
}

func TestTheCompatibilityTableKnowsEveryHeader(t *testing.T) {
	rows := regexp.MustCompile("(?m)^\\| `([^`]+)` \\| ([^|]*) \\| ([^|]*) \\| ([^|]*) \\|$").FindAllStringSubmatch(section(t, "Headers"), -1)
	seen := map[string]bool{}
	for _, row := range rows {
		name, in, out, state := row[1], row[2], row[3], row[4]
		rule, known := headerRules[name]
		if !known {
			t.Errorf("%s is not in the code", name)
			continue
		}
		seen[name] = true
		if (in == "yes") != rule.In || (out != "no") != rule.Out || strings.HasPrefix(state, "not yet") {
			t.Errorf("%s: in %s, out %s, %s; the code says %+v", name, in, out, state, rule)
		}
	}
	for name := range headerRules {
		if !seen[name] {
			t.Errorf("%s is missing", name)
		}
	}
}

func TestTheCompatibilityTableKnowsEveryError(t *testing.T) {
	why := errors.New("why")
	made := []*Error{
		JSONInvalid(why), JSONValueMissing("x"), JSONWrongKind("", jsondoc.KindNull, jsondoc.KindArray), JSONFormatInvalid(nil, "x"),
		JSONFieldMissing("x"), PointerInvalid("x", why), FieldSelectorInvalid("x", why), KeyInvalid("x", "y"), TopicUnknown("x", "y"),
		TopicContradiction("x", "y"), TopicPathUnknown(Topic{}, nil), PathUnknown(nil), SignalUnsupported("x"),
		HeaderInvalid("x", jsondoc.Null(), "y"), HeaderNotSupported("x"), MediaTypeUnsupported("x", "y"), Internal(why),
		ThingNotFound("x"), PolicyIDNotFound("x"), DefinitionNotFound("x"), AttributesNotFound("x"), AttributeNotFound("x", nil),
		FeaturesNotFound("x"), FeatureNotFound("x", "y"), FeatureDefinitionNotFound("x", "y"), FeaturePropertiesNotFound("x", "y"),
		FeaturePropertyNotFound("x", "y", nil), FeatureDesiredPropertiesNotFound("x", "y"), FeatureDesiredPropertyNotFound("x", "y", nil),
		ThingConflict("x"), ThingNotCreatable("x", "y"), ThingNotModifiable("x"), ThingUnavailable("x", why), ThingTooLarge(1, 2), AnswerTooLarge(1), PolicyTooLarge(1, 2),
		IDInvalid("x"), PolicyIDInvalid("x"), IDNotSettable("x", "y"), IDNotDeletable(), PolicyIDNotDeletable(), MergeInvalid("x"),
		DefinitionInvalid("x"), FeatureDefinitionEmpty(), ThingIDsMissing(), HistoryNotAccessible("x", Moment{}, "y"),
		HeaderUnusable("x", "y"), EntityTagsInvalid("x", jsondoc.Null()), TimeoutInvalid("x", jsondoc.Null()),
		PreconditionFailed("x", "y", ""), PreconditionNotModified("x", "y"), UnchangedSkipped(),
		ConditionFailed(), ConditionNotReadable(), ConditionInvalid("x", "y"), ExpressionInvalid("x", "y"), LiveConditionNotAllowed(),
		MetadataConflict("x"), MetadataNotModifiable(), DryRunNotSupported(),
		ThingPolicyMissing("x", "y"), PoliciesConflicting("x"), PolicyInvalid("x", "y"), PolicyNotFound("x"),
		PolicyEntryNotFound("x", "y"), SubjectsNotFound("x", "y"), SubjectNotFound("x", "y", "z"), ResourcesNotFound("x", "y"), ResourceNotFound("x", "y", "z"),
		PolicyImportsNotFound("x"), PolicyImportNotFound("x", "y"), ImportedPolicyNotFound("x", "y"), PolicyHistoryNotAccessible("x", Moment{}, "y"),
		PolicyNotModifiable("x"), PolicyEntryNotModifiable("x", "y"), SubjectsNotModifiable("x", "y"), SubjectNotModifiable("x", "y", "z"),
		ResourcesNotModifiable("x", "y"), ResourceNotModifiable("x", "y", "z"), PolicyImportsNotModifiable("x"), PolicyImportNotModifiable("x", "y"),
		PolicyNotCreatable("x"), PolicyConflict("x"), PolicyModificationInvalid("x"), PolicyEntryModificationInvalid("x", "y"),
		PolicyEntryReferenced("x", "y", "z"), PolicyImportReferenced("x", "y", "z"), PolicyUnavailable("x", why), PolicyPathUnknown(jsondoc.Pointer{"x"}),
		PolicyViewInvalid("x"), PolicyActionFailed("x", 400, "y"), PreconditionFailed("x", "y", "").ForPolicies(), PreconditionNotModified("x", "y").ForPolicies(),
		PolicyLabelInvalid(nil, "x"), PolicyEntryInvalid(nil, "x"), PolicyImportInvalid(nil, "x"), PolicyImportsTooLarge("x", 2, 1), SubjectInvalid(nil, "x", "y"),
		SubjectExpiryInvalid(nil, "x"), SubjectExpiryPast(nil, "x"), SubjectAnnouncementInvalid(nil, "x", "y"), PolicyIDNotSettable("x", "y"),
		PlaceholderNotResolvable("x", "y"), PlaceholderUnresolved("x"), FunctionUnknown("x", why), FunctionSignatureInvalid("x", why), FunctionTooComplex("x", why), ReferenceNotSupported("x"), ReferenceFieldUnknown("x", "y"),
	}
	table := section(t, "Errors")
	for _, e := range made {
		row := "| `" + e.Code + "` | " + jsondoc.Int(int64(e.Status)).String() + " | "
		if !strings.Contains(table, row) {
			t.Errorf("there is no row %s", row)
		}
		if e.Message == "" || e.Description == "" || strings.Contains(e.Error(), "%!") {
			t.Errorf("%s says too little: %v", e.Code, e)
		}
	}
}
