package protocol

import (
	"fmt"
	"strings"
	"testing"
)

func TestValuesOfHeaders(t *testing.T) {
	for _, tc := range []struct {
		name string
		good []string // as JSON
		bad  []string
	}{
		{"if-match", []string{`"*"`, `"\"rev:1\""`, `"\"rev:1\" ,\t\"hash:ab\""`, `"W/\"x\""`, `"\"\""`, `"*,\"a\""`},
			[]string{`"rev:1"`, `""`, `"\"rev:1"`, `"\"a\"b\""`, `"\"*\""`, `"W/*"`, `"w/\"a\""`, `1`, `true`, `["*"]`, `"\"a\","`}},
		{"if-none-match", []string{`"*"`}, []string{`"x"`}},
		{"if-equal", []string{`"update"`, `"skip"`, `" Skip-Minimizing-Merge "`}, []string{`"never"`, `""`, `true`}},
		{"live-channel-timeout-strategy", []string{`"fail"`, `"use-twin"`}, []string{`"twin"`, `1`}},
		{"allow-policy-lockout", []string{`true`, `"false"`}, []string{`"yes"`, `1`, `"True"`}},
		{"requested-acks", []string{`[]`, `["twin-persisted","a:b_c-1"]`, `"[\"abc\"]"`, `["{{ connection:id }}:abc"]`},
			[]string{`"twin-persisted"`, `["ab"]`, `["a b c"]`, `[1]`, `{}`, `["{{ x }}:abc"]`, `["{{ connection:id }}abc"]`}},
		{"declared-acks", []string{`["x"]`, `"[]"`}, []string{`[1]`, `"x"`}},
		{"put-metadata", []string{`[]`, `""`, `[{"key":"/a/b","value":null}]`, `"[{\"key\":\"*/a\",\"value\":1}]"`, `[1,{"key":"a","value":{}}]`},
			[]string{`{}`, `"x"`, `[{"key":"a"}]`, `[{"value":1}]`, `[{"key":1,"value":1}]`, `[{"key":"","value":1}]`, `[{"key":"/","value":1}]`, `[{"key":"a//b","value":1}]`}},
		{"get-metadata", []string{`"*"`, `"a/b,c"`, `""`, `"features/*/properties/x/y"`}, []string{`1`, `"a("`, `["a"]`}},
		{"delete-metadata", []string{`"*"`}, []string{`true`}},
		{"divert-response-to-connection", []string{`"c"`}, []string{`""`}},
	} {
		for _, v := range tc.good {
			h := headersOf(t, fmt.Sprintf(`{%q:%s}`, tc.name, v))
			if err := h.Admit(); err != nil {
				t.Errorf("%s: %s is refused: %v", tc.name, v, err)
			}
		}
		for _, v := range tc.bad {
			name := strings.ToUpper(tc.name)
			h := headersOf(t, fmt.Sprintf(`{%q:%s}`, name, v))
			err := h.Admit()
			if err == nil || err.Status != 400 || err.Code != "header.invalid" || err.Header != tc.name || !strings.Contains(err.Message, name) {
				t.Errorf("%s: %s: %+v", tc.name, v, err)
			}
		}
	}
}

func TestTimeouts(t *testing.T) {
	for _, good := range []string{`"42s"`, `"250ms"`, `"1m"`, `"2h"`, `"3d"`, `"1w"`, `"1mo"`, `"1y"`, `"60"`, `60`, `"+5s"`} {
		h := headersOf(t, `{"timeout":`+good+`}`)
		if err := h.Admit(); err != nil || !h.ResponseRequired() {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{`"-1s"`, `"1.5s"`, `"s"`, `""`, `"5 s"`, `"5M"`, `"99999999999999999999s"`, `true`, `[]`, `-1`} {
		h := headersOf(t, `{"timeout":`+bad+`}`)
		if err := h.Admit(); err == nil || err.Status != 400 || err.Code != "timeout.invalid" {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func TestWhoWaitsNoTimeWantsNoResponse(t *testing.T) {
	for _, tc := range []struct {
		headers string
		code    string
	}{
		{`{"timeout":"0s","response-required":true}`, "header.invalid"},
		{`{"timeout":0,"response-required":"true"}`, "header.invalid"},
		{`{"timeout":"0ms","requested-acks":["twin-persisted"]}`, "header.invalid"},
		{`{"timeout":"0s"}`, ""},
		{`{"timeout":"0s","response-required":false,"requested-acks":[]}`, ""},
	} {
		h := headersOf(t, tc.headers)
		err := h.Admit()
		switch {
		case tc.code == "" && (err != nil || h.ResponseRequired()):
			t.Errorf("%s: %v, %s", tc.headers, err, h.AppendJSON(nil))
		case tc.code != "" && (err == nil || err.Code != tc.code || err.Header != "timeout"):
			t.Errorf("%s: %v", tc.headers, err)
		}
	}
}

func TestWhatHeadersAskFor(t *testing.T) {
	for headers, want := range map[string]Asks{
		`{"a":1,"correlation-id":"c"}`:                             0,
		`{"if-equal":"update"}`:                                    0,
		`{"If-Equal":"skip"}`:                                      AsksIfEqual,
		`{"IF-MATCH":"*","condition":"x"}`:                         AsksMatch | AsksCondition,
		`{"if-none-match":"*","get-metadata":"*"}`:                 AsksMatch | AsksMetadata,
		`{"live-channel-condition":"x","put-metadata":[]}`:         AsksCondition | AsksMetadata,
		`{"delete-metadata":"*","if-equal":null,"condition":null}`: AsksMetadata,
	} {
		h := headersOf(t, headers)
		if err := h.Admit(); err != nil || h.Asks() != want {
			t.Errorf("%s: %b, want %b (%v)", headers, h.Asks(), want, err)
		}
	}
}

func TestMetadataForOnePlaceComeBehindThoseForAllLeaves(t *testing.T) {
	h := headersOf(t, `{"put-metadata":[{"key":"b/x","value":1},{"key":"*/x","value":2},{"key":"a/x","value":3}]}`)
	got := ""
	for _, e := range h.MetadataToPut() {
		got += e.Key.String() + "=" + e.Value.String() + " "
	}
	if got != "/*/x=2 /a/x=3 /b/x=1 " {
		t.Error(got)
	}
}
