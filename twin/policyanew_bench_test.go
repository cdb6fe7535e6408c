package twin

import "testing"

// BenchmarkWhetherAPolicyIsNamed is what it costs to find out that none of
// 100,000 Things has a Policy.
func BenchmarkWhetherAPolicyIsNamed(b *testing.B) {
	w := newWorld(b, Options{})
	w.provision("org.acme:shared", everything("user:ann"))
	w.placeThings(manyThings, "org.acme:shared")
	for b.Loop() {
		if named, err := w.namesPolicy("org.acme:none"); named || err != nil {
			b.Fatal(named, err)
		}
	}
}
