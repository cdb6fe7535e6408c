package twin

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// What open searches take is bounded, whoever opens them.
func TestOpenSearchesAreBounded(t *testing.T) {
	w := newWorld(t, Options{})
	subscribe := func(namespaces int) string {
		list := strings.Repeat(`"org.acme",`, namespaces)
		return `{"topic":"_/_/things/twin/search/subscribe","headers":{},"path":"/","value":{"namespaces":[` + strings.TrimSuffix(list, ",") + `]}}`
	}
	if o := w.send(subscribe(searchNamespaces + 1)); o.Err == nil || o.Err.Status != 400 {
		t.Errorf("too many namespaces: %v", o.Err)
	}
	if o := w.send(subscribe(searchNamespaces)); o.Err != nil {
		t.Error(o.Err)
	}
	for n := range searchesAll - 1 {
		id := fmt.Sprint(n)
		w.searches.open[id] = &search{id: id, client: id, used: time.Now()}
	}
	if o := w.send(subscribe(1)); o.Err == nil || o.Err.Status != 429 {
		t.Errorf("too many searches: %v", o.Err)
	}
}
