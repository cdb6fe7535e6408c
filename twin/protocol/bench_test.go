package protocol

import (
	"testing"
	"time"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
)

const benchModify = `{"topic":"org.acme/lamp-1/things/twin/commands/modify","headers":{"correlation-id":"b2d5","response-required":false},` +
	`"path":"/features/environment/properties/temperature","value":23.4}`

func BenchmarkParseMessage(b *testing.B) {
	payload := []byte(benchModify)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseMessage(payload, nil, jsondoc.Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendEvent(b *testing.B) {
	m := &Message{
		Topic: Topic{"org.acme", "lamp-1", Things, Twin, Events, ActionModified},
		Path:  jsondoc.Pointer{"features", "environment", "properties", "temperature"},
		Value: jsondoc.Int(23), Revision: 4711, Timestamp: time.Date(2021, 1, 18, 9, 42, 12, 123456789, time.UTC),
	}
	m.Headers.SetString(HeaderCorrelationID, "b2d5")
	m.Headers.SetString(HeaderContentType, ContentTypeJSON)
	m.Headers.SetString(HeaderOriginator, "user:ann")
	m.Headers.Set(HeaderResponseRequired, jsondoc.Bool(false))
	buf := make([]byte, 0, 1024)
	b.ReportAllocs()
	for b.Loop() {
		buf = m.AppendJSON(buf[:0])
	}
}

func BenchmarkParseMQTTTopic(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseMQTTTopic("org.acme/lamp-1/things/twin/commands/modify"); err != nil {
			b.Fatal(err)
		}
	}
}
