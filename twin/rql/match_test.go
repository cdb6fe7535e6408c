package rql

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
)

const lamp = `{"thingId":"org.acme:lamp-1","policyId":"org.acme:lamps","definition":"org.acme:lamp:1.0.0",` +
	`"attributes":{"owner":"SID123","location":{"room":"living-room","floor":2},"big":9007199254740993,"price":23.420,` +
	`"tags":["default","red",7,null,["deep"]],"none":null,"on":true,"off":false,"zero":0,"text":"42","empty":"","list":[],"map":{},` +
	`"a/b":1,"a~b":2,"quo\"te":"li\nne","cities":[{"name":"Ulm","zip":89073},{"name":"Bonn"},"Rom",[{"name":"Paris"}],{"parts":[{"name":"Beuel"}]}],` +
	`"snow":"\u2603 man","mean":"Größe","huge":1e400,"thousand":1e3,"ten":1E10},` +
	`"features":{"lamp":{"definition":["org.acme:light:1.0.0","org.acme:switch:2.0.0"],"properties":{"level":50,"name":"ceiling"},"desiredProperties":{"level":70}},` +
	`"spot":{"properties":{"level":10}},"bare":{},"hollow":{"properties":{}}}}`

func subject(t testing.TB) *Subject {
	t.Helper()
	return &Subject{
		ID: "org.acme:lamp-1", Thing: document(t, lamp), Revision: 42,
		Metadata: document(t, `{"attributes":{"owner":{"issuedBy":"door"}}}`),
		Created:  time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC),
		Modified: time.Date(2024, 1, 6, 14, 20, 0, 123_000_000, time.UTC),
		Now:      time.Date(2024, 1, 6, 14, 23, 42, 123_000_000, time.UTC),
	}
}

func document(t testing.TB, text string) *jsondoc.Value {
	t.Helper()
	v, err := jsondoc.ParseString(text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func parse(t testing.TB, text string, scope Scope) *Filter {
	t.Helper()
	f, err := Parse(text, scope)
	if err != nil {
		t.Fatalf("%s: %v\n%s", text, err, err.(*Error).Marked())
	}
	return f
}

// Each line is an expression for a condition and whether it holds for the lamp.
func TestConditions(t *testing.T) {
	for _, tc := range []struct {
		what  string
		yes   []string
		never []string
	}{
		{"the operators of the page", []string{
			`eq(attributes/owner,"SID123")`, `ne(attributes/owner,"SID124")`, `gt(thingId,"A000")`, `ge(thingId,"org.acme:lamp-1")`,
			`le(thingId,"org.acme:lamp-1")`, `lt(thingId,"z")`, `in(thingId,"A000","org.acme:lamp-1","AZ99")`, `exists(features/lamp)`,
			`and(exists(features/lamp),eq(attributes/location/room,"living-room"))`, `or(eq(attributes/owner,1),eq(attributes/owner,"SID123"))`,
			`not(like(thingId,"org.eclipse.ditto:blocked*"))`, `or(empty(attributes/tags),eq(attributes/tags,"default"))`,
		}, []string{
			`eq(attributes/owner,"sid123")`, `ne(attributes/owner,"SID123")`, `gt(thingId,"org.acme:lamp-1")`, `lt(thingId,"org.acme:lamp-1")`,
			`in(attributes/owner,"a","b")`, `exists(features/fan)`, `and(exists(features/lamp),exists(features/fan))`, `or(exists(attributes/x))`,
			`not(exists(features/lamp))`,
		}},
		{"paths with and without a slash, and what they lead through", []string{
			`eq(/attributes/owner,'SID123')`, `eq(attributes/location/floor,2)`, `eq(attributes/a~1b,1)`, `eq(attributes/a~0b,2)`, `eq(attributes/a~b,2)`,
			`exists(attributes/location)`, `exists(attributes/none)`, `eq(attributes/quo\"te,"li\nne")`, `exists(attributes/)`,
			`eq(attributes/owner/,"SID123")`, `eq(attributes\/owner,"SID123")`, `eq(features/lamp/desiredProperties/level,70)`,
		}, []string{
			`exists(attributes/owner/x)`, `exists(attributes/location/room/x)`, `eq(attributes/location,2)`, `exists(attributes/LOCATION)`,
			`eq(attributes/a/b,1)`, `exists(attributes/list/0)`,
		}},
		{"numbers by their value, with all digits", []string{
			`eq(attributes/big,9007199254740993)`, `gt(attributes/big,9007199254740992)`, `lt(attributes/big,9007199254740994)`, `eq(attributes/price,23.42)`,
			`eq(attributes/price,+23.42000)`, `gt(attributes/price,-5)`, `eq(attributes/thousand,1000)`, `eq(attributes/thousand,1000.0)`, `eq(attributes/zero,0)`,
			`eq(attributes/zero,-0.0)`, `gt(attributes/huge,9223372036854775807)`, `ge(features/lamp/properties/level,50.0)`,
		}, []string{
			`eq(attributes/big,9007199254740992)`, `eq(attributes/price,23.4200000000000000000000001)`, `gt(attributes/price,23.42)`, `lt(attributes/huge,1)`,
		}},
		{"kinds that differ: strings that are numbers by value, the rest by text", []string{
			`eq(attributes/text,42)`, `gt(attributes/text,7)`, `eq(attributes/zero,"0.0")`, `eq(attributes/price,"+23.42")`, `eq(attributes/thousand,"1e3")`,
			`eq(attributes/on,"true")`, `lt(attributes/zero,"x")`, `gt(attributes/owner,5)`, `gt(attributes/on,1)`,
			`lt(attributes/text,"5")`,
		}, []string{
			`gt(attributes/text,"5")`, `eq(attributes/on,1)`, `eq(attributes/off,0)`, `eq(attributes/owner,true)`, `eq(attributes/text," 42")`,
		}},
		{"booleans, false before true", []string{
			`eq(attributes/on,true)`, `gt(attributes/on,false)`, `ge(attributes/off,false)`, `lt(attributes/off,true)`,
		}, []string{`eq(attributes/on,false)`, `gt(attributes/on,true)`, `lt(attributes/on,false)`}},
		{"null is equal to null and to nothing else", []string{
			`eq(attributes/none,null)`, `ne(attributes/owner,null)`, `ne(attributes/none,"x")`, `in(attributes/none,1,null)`, `eq(attributes/tags,null)`,
			`in(attributes/owner,null,"SID123")`,
		}, []string{
			`eq(attributes/owner,null)`, `ne(attributes/none,null)`, `ge(attributes/none,null)`, `le(attributes/none,null)`, `lt(attributes/none,1)`, `gt(attributes/none,"")`,
			`like(attributes/none,"*")`, `eq(attributes/none,"null")`, `ge(attributes/zero,null)`,
		}},
		{"what is missing: only ne and empty say yes", []string{
			`ne(attributes/x,1)`, `ne(attributes/x,null)`, `ne(features/lamp/properties/x,1)`, `empty(attributes/x)`, `not(eq(attributes/x,1))`, `ne(attributes/map,1)`,
		}, []string{
			`eq(attributes/x,null)`, `gt(attributes/x,0)`, `le(attributes/x,0)`, `like(attributes/x,"*")`, `in(attributes/x,null)`, `exists(attributes/x)`,
		}},
		{"what is empty", []string{
			`empty(attributes/none)`, `empty(attributes/empty)`, `empty(attributes/list)`, `empty(attributes/map)`, `empty(features/bare)`, `empty(features/none)`,
			`empty(features/hollow/properties)`, `empty(features/bare/properties)`, `empty(features/bare/definition)`, `empty(attributes/cities/x)`,
		}, []string{
			`empty(attributes/zero)`, `empty(attributes/off)`, `empty(attributes/tags)`, `empty(attributes/owner)`, `empty(features/hollow)`, `empty(features/lamp)`,
			`empty(thingId)`, `empty(attributes/cities/name)`, `empty(_modified)`, `empty(attributes/snow)`, `empty(attributes/cities)`,
		}},
		{"arrays: any element, however deep, also on the way", []string{
			`eq(attributes/tags,"red")`, `eq(attributes/tags,7)`, `eq(attributes/tags,"deep")`, `ne(attributes/tags,"blue")`, `in(attributes/tags,"blue","red")`,
			`like(attributes/tags,"de?p")`, `gt(attributes/tags,6)`, `eq(attributes/cities/name,"Bonn")`, `eq(attributes/cities/parts/name,"Beuel")`,
			`exists(attributes/cities/zip)`, `eq(attributes/cities,"Rom")`, `eq(features/lamp/definition,"org.acme:switch:2.0.0")`,
		}, []string{
			`ne(attributes/tags,"red")`, `eq(attributes/tags,"blue")`, `eq(attributes/cities/name,"Paris")`, `exists(attributes/cities/x)`, `eq(attributes/list,null)`,
			`exists(attributes/cities/name/x)`,
		}},
		{"like", []string{
			`like(attributes/owner,"SID*")`, `like(attributes/owner,"*123")`, `like(attributes/owner,"*D1*")`, `like(attributes/owner,"S?D1?3")`, `like(attributes/owner,"*")`,
			`like(attributes/owner,"***SID***123***")`, `like(attributes/empty,"*")`, `like(attributes/empty,"")`, `like(attributes/snow,"? man")`, `like(attributes/price,"23.42")`,
			`like(attributes/thousand,"1000.0")`, `like(attributes/ten,"1.0E10")`, `like(attributes/on,"t*")`, `like(attributes/big,"9*3")`, `like(attributes/quo\"te,"li\nne")`,
			`ilike(attributes/owner,"sid*")`, `ilike(attributes/mean,"GRößE")`, `like(attributes/zero,"0")`,
		}, []string{
			`like(attributes/owner,"sid*")`, `like(attributes/owner,"SID")`, `like(attributes/owner,"SID123?")`, `like(attributes/owner,"")`, `like(attributes/owner,"SI.*")`,
			`like(attributes/quo\"te,"*")`, `like(attributes/quo\"te,"li?ne")`, `ilike(attributes/mean,"grÖsse")`, `ilike(attributes/mean,"GRÖßE")`, `like(attributes/location,"*")`,
			`like(attributes/owner,"SI\\D123")`,
		}},
		{"special fields", []string{
			`eq(_revision,42)`, `lt(_revision,43)`, `eq(_namespace,"org.acme")`, `eq(policyId,"org.acme:lamps")`, `like(definition,"org.acme:lamp:1.*")`,
			`gt(_modified,"2024-01-06T14:19:00Z")`, `eq(_created,"2024-01-01T00:00:00Z")`, `eq(_modified,"2024-01-06T14:20:00.123Z")`,
			`eq(_metadata/attributes/owner/issuedBy,"door")`, `exists(_metadata/attributes)`, `exists(_metadata)`, `exists(_revision)`, `not(empty(_metadata))`,
		}, []string{
			`gt(_revision,42)`, `exists(_metadata/features)`, `eq(_metadata/attributes,"door")`, `lt(_created,"2023")`,
		}},
		{"any Feature", []string{
			`exists(features/*)`, `exists(features/*/properties/name)`, `eq(features/*/properties/level,10)`, `gt(features/*/properties/level,40)`,
			`like(features/*/definition,"org.acme:switch:*")`, `ne(features/*/properties/level,50)`, `exists(features/*/desiredProperties)`, `empty(features/*/properties/name)`,
		}, []string{
			`exists(features/*/properties/x)`, `gt(features/*/properties/level,50)`, `empty(features/*)`, `eq(features/*/definition,"x")`,
		}},
		{"moments", []string{
			`lt(_modified,time:now)`, `gt(_modified,time:now-1h)`, `lt(_modified,time:now+1ms)`, `gt(_modified,time:now[h])`, `gt(_modified,time:now-25m[m])`,
			`ge(_created,time:now[y])`, `gt(attributes/huge,time:now_epoch_millis)`, `lt(attributes/zero,time:now_epoch_millis-1y)`,
			`in(_created,"x",time:now[y])`, `le(_created,time:now[mo])`, `lt(_modified,time:now )`,
		}, []string{
			`gt(_modified,time:now)`, `lt(_modified,time:now-1h)`, `gt(_created,time:now[w])`, `lt(_created,time:now[mo])`, `eq(attributes/zero,time:now_epoch_millis)`,
		}},
	} {
		t.Run(tc.what, func(t *testing.T) {
			s := subject(t)
			for _, text := range tc.yes {
				if !parse(t, text, Condition).Matches(s) {
					t.Errorf("%s does not match", text)
				}
			}
			for _, text := range tc.never {
				if parse(t, text, Condition).Matches(s) {
					t.Errorf("%s matches", text)
				}
			}
		})
	}
}

func TestSearchesConvertNothing(t *testing.T) {
	s := subject(t)
	for text, want := range map[string]bool{
		`ne(attributes/owner,"SID1")`: true, `ne(attributes/x,"SID1")`: false, `ne(attributes/owner,1)`: true, `ne(attributes/none,null)`: false,
		`eq(attributes/text,42)`: false, `eq(attributes/text,"42")`: true, `eq(attributes/on,"true")`: false, `gt(attributes/owner,5)`: false,
		`like(attributes/price,"23*")`: false, `like(attributes/owner,"SID*")`: true, `eq(namespace,"org.acme")`: true,
		`gt(_modified,time:now-1h)`: true, `ne(attributes/tags,"blue")`: true, `ne(features/*/properties/level,50)`: true, `ne(features/*/properties/name,"ceiling")`: false,
		`eq(attributes/none,null)`: true, `eq(attributes/x,null)`: false,
	} {
		if got := parse(t, text, Search).Matches(s); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

func TestSignals(t *testing.T) {
	s := subject(t)
	s.Signal = &Signal{Namespace: "org.acme", Name: "lamp-1", Group: "things", Channel: "twin", Criterion: "events", Action: "modified",
		Resource: "thing", Path: jsondoc.Pointer{"features", "lamp", "properties", "level"}}
	message := *s
	message.Signal = &Signal{Namespace: "org.acme", Name: "lamp-1", Group: "things", Channel: "live", Criterion: "messages", Subject: "hello/world", Resource: "message"}
	created := *s
	created.Signal = &Signal{Namespace: "org.acme", Name: "lamp-1", Group: "things", Channel: "twin", Criterion: "events", Action: "created",
		Resource: "thing", Value: document(t, lamp)}
	for _, tc := range []struct {
		subject *Subject
		yes, no []string
	}{
		{s, []string{
			`eq(topic:action,"modified")`, `in(topic:action,'created','modified')`, `eq(resource:path,'/features/lamp/properties/level')`, `like(resource:path,"/features/lamp/*")`,
			`eq(resource:type,"thing")`, `eq(topic:full,"org.acme/lamp-1/things/twin/events/modified")`, `eq(topic:namespace,"org.acme")`, `eq(topic:entityName,"lamp-1")`,
			`eq(topic:group,"things")`, `eq(topic:channel,"twin")`, `eq(topic:criterion,"events")`, `exists(topic:action)`, `empty(topic:subject)`, `eq(topic:action-subject,"modified")`,
			`gt(time:now,"2024")`, `and(eq(topic:action,"modified"),gt(features/lamp/properties/level,40))`, `eq(feature:id,"lamp")`, `eq(entity:id,"org.acme:lamp-1")`,
			`eq(thing:name,"lamp-1")`, `eq(thing:namespace,"org.acme")`, `ne(topic:subject,"x")`, `exists(time:now)`, `lt(time:now-1d[d],"2024-01-06")`,
		}, []string{`eq(topic:action,"created")`, `exists(topic:subject)`, `eq(resource:path,"/")`, `not(exists(resource:path))`}},
		{&message, []string{
			`eq(topic:subject,"hello/world")`, `eq(topic:action-subject,"hello/world")`, `empty(topic:action)`, `eq(resource:path,"/")`,
			`eq(topic:full,"org.acme/lamp-1/things/live/messages/hello/world")`, `eq(resource:type,"message")`, `empty(feature:id)`,
		}, []string{`exists(topic:action)`}},
		{&created, []string{`eq(feature:id,"lamp")`, `and(in(topic:action,'created','deleted'),eq(resource:path,'/'))`}, nil},
		{&Subject{}, []string{`empty(topic:action)`, `ne(topic:action,"x")`, `empty(thingId)`, `empty(_modified)`, `empty(_revision)`, `empty(attributes/x)`, `empty(features/*)`},
			[]string{`exists(topic:action)`, `eq(attributes/x,1)`, `exists(features/*)`, `exists(_created)`, `exists(_metadata/x)`}},
	} {
		for _, text := range tc.yes {
			if !parse(t, text, Signals).Matches(tc.subject) {
				t.Errorf("%s does not match", text)
			}
		}
		for _, text := range tc.no {
			if parse(t, text, Signals).Matches(tc.subject) {
				t.Errorf("%s matches", text)
			}
		}
	}
}

// The examples of Ditto's page basic-placeholders.
func TestMoments(t *testing.T) {
	now := time.Date(2024, 1, 6, 14, 23, 42, 123_000_000, time.UTC)
	for text, want := range map[string]string{
		"time:now": "2024-01-06T14:23:42.123Z", "time:now+1h": "2024-01-06T15:23:42.123Z", "time:now-7d": "2023-12-30T14:23:42.123Z",
		"time:now[h]": "2024-01-06T14:00:00Z", "time:now[d]": "2024-01-06T00:00:00Z", "time:now-25m[m]": "2024-01-06T13:58:00Z", "time:now+3d[s]": "2024-01-09T14:23:42Z",
		"time:now[w]": "2024-01-01T00:00:00Z", "time:now-7d[w]": "2023-12-25T00:00:00Z", "time:now+1mo[mo]": "2024-02-01T00:00:00Z", "time:now[y]": "2024-01-01T00:00:00Z",
		"time:now-500ms": "2024-01-06T14:23:41.623Z", "time:now+5": "2024-01-06T14:23:47.123Z", "time:now[]": "2024-01-06T14:23:42Z", "time:now[ms]": "2024-01-06T14:23:42.123Z",
		"time:now_epoch_millis": "1704551022123", "time:now_epoch_millis-1s[s]": "1704551021000", "time:now+2w": "2024-01-20T14:23:42.123Z",
		"time:now-1y": "2023-01-06T08:34:30.123Z", "time:now+1mo": "2024-02-06T00:52:48.123Z",
	} {
		m, problem := parseMoment(text)
		if problem != "" {
			t.Errorf("%s: %s", text, problem)
			continue
		}
		if got := string(m.appendTo(nil, now)); got != want {
			t.Errorf("%s is %s, not %s", text, got, want)
		}
	}
	for ns, want := range map[int]string{1000: ".000001Z", 1: ".000000001Z", 0: ":42Z"} {
		if got := string(appendTime(nil, now.Truncate(time.Second).Add(time.Duration(ns)))); !strings.HasSuffix(got, want) {
			t.Errorf("%d ns: %s", ns, got)
		}
	}
}

func TestStringsAreOrderedAsInJava(t *testing.T) {
	inOrder := []string{"", "a", "aa", "b", "ä", "\uD7FF", "\U00010000", "\U0010FFFF", "\uE000", "\uFB01", "\uFFFD"}
	for i, a := range inOrder {
		for j, b := range inOrder {
			if c := compareStrings(a, b); (c < 0) != (i < j) || (c == 0) != (i == j) {
				t.Errorf("%q and %q: %d", a, b, c)
			}
		}
	}
}

func TestNumbersArePrintedAsInJava(t *testing.T) {
	for text, want := range map[string]string{
		"1": "1", "-0": "0", "9223372036854775807": "9223372036854775807", "9223372036854775808": "9.223372036854776E18", "1.0": "1.0", "1.50": "1.5",
		"1e7": "1.0E7", "9999999.5": "9999999.5", "0.001": "0.001", "0.0001": "1.0E-4", "-12345678.9": "-1.23456789E7", "1e100": "1.0E100", "-0.0": "-0.0", "1e400": "1e400", "1e-10": "1.0E-10",
	} {
		if got := javaNumber(nil, text); got != want {
			t.Errorf("%s is %s, not %s", text, got, want)
		}
	}
}

func TestManyGoroutinesShareAFilterAndAThing(t *testing.T) {
	f := parse(t, `and(gt(features/lamp/properties/level,20),eq(attributes/cities/name,"Bonn"),lt(_modified,time:now),like(attributes/owner,"SID*"))`, Condition)
	s := subject(t)
	s.Thing = document(t, lamp[:len(lamp)-1]+`,"filler":"`+strings.Repeat("x", 5000)+`"}`).Fold()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 50 {
				if !f.Matches(s) || !f.Matches(&Subject{ID: s.ID, Thing: s.Thing.Fold(), Modified: s.Modified}) {
					t.Error("does not match")
				}
			}
		})
	}
	all.Wait()
}
