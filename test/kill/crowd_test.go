package kill

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/twinbroker/twinbroker/test/harness"
	"github.com/twinbroker/twinbroker/test/mqttraw"
)

// A crowd is a great many Things of 600 bytes that are there besides. In each
// round the clients change some of them that nobody has changed before, and
// all the others must stay as they were made.

// recruits are how many of the crowd are changed in a round for the first time.
const recruits = 2000

// asked is how many Things of the crowd are asked for in one message.
const asked = 200

// crowdConfig is config with the memory that it has by itself.
var crowdConfig = strings.Replace(config, "store: {memory: 1MiB}", "store: {}", 1)

func crowdName(i int) string { return fmt.Sprintf("crowd-%07d", i) }

// gather makes the crowd.
func (s *scene) gather(size int) error {
	begun := time.Now()
	// The first one brings the Policy that they share.
	const policy = `"_policy":{"entries":{"x":{"subjects":{"kill:x":{"type":"x"}},"resources":{"policy:/":{"grant":["WRITE"],"revoke":[]}}}}},`
	if err := s.create(0, 1, policy); err != nil {
		return err
	}
	var running sync.WaitGroup
	failed := make(chan error, clients)
	for k := range clients {
		running.Go(func() {
			if err := s.create(k+1, size, ""); err != nil {
				failed <- err
			}
		})
	}
	running.Wait()
	select {
	case err := <-failed:
		return err
	default:
	}
	s.crowd = size
	s.t.Logf("%d Things were made in %v", size, time.Since(begun).Round(time.Second))
	return nil
}

// create makes every so many of the crowd's Things, from number k on, with more
// in their values.
func (s *scene) create(k, size int, more string) error {
	conn, _, err := mqttraw.Dial(s.broker.MQTT(), mqttraw.Options{ClientID: fmt.Sprint("maker", k), Version: mqttraw.V5, Clean: true, Timeout: harness.Patience})
	if err != nil {
		return err
	}
	defer conn.Close()
	// Of 600 bytes, with the identifier; they share a Policy.
	value := `{"policyId":"kill:crowd",` + more + `"attributes":{"ballast":"` + strings.Repeat("x", 500) + `"}}`
	payload := []byte(`{"path":"/","headers":{"response-required":false},"value":` + value + `}`)
	const window = 500
	waiting, id := 0, uint16(0)
	for i := k; i < size || waiting > 0; {
		for ; i < size && waiting < window; i += clients {
			if id++; id == 0 {
				id = 1
			}
			waiting++
			conn.Queue(&mqttraw.Publish{Topic: "ditto/kill/" + crowdName(i) + "/things/twin/commands/create", Payload: payload, QoS: 1, ID: id})
		}
		if err := conn.Flush(); err != nil {
			return err
		}
		p, err := conn.ReadPacket()
		if err != nil {
			return err
		}
		if p.Type != mqttraw.PUBACK || p.Reason != 0 {
			return fmt.Errorf("creating the crowd: %s", p)
		}
		waiting--
	}
	return nil
}

// recruit lets the clients change some more Things of the crowd.
func (s *scene) recruit() {
	for range min(recruits, s.crowd/2) {
		i := s.random.IntN(s.crowd)
		if s.changed[i] {
			continue
		}
		s.changed[i] = true
		s.add(&thing{name: crowdName(i), qos: 1 + byte(s.random.IntN(2))}, s.clients[s.random.IntN(clients)])
	}
}

// untouched checks n Things of the crowd that nobody has changed, from a
// random one on: they are there, as they were made.
func (s *scene) untouched(n int) (problems []string) {
	s.t.Helper()
	if n == 0 {
		return nil
	}
	first := s.random.IntN(s.crowd)
	for from := 0; from < n; from += asked {
		var ids []string
		for i := from; i < min(from+asked, n); i++ {
			if i := (first + i) % s.crowd; !s.changed[i] {
				ids = append(ids, "kill:"+crowdName(i))
			}
		}
		if len(ids) == 0 {
			continue
		}
		list, err := json.Marshal(ids)
		if err != nil {
			s.t.Fatal(err)
		}
		m := s.reader.Request("ditto/_/_/things/twin/commands/retrieve",
			`{"path":"/","fields":"thingId,_revision","value":{"thingIds":`+string(list)+`}}`, 1, "ditto/_replies/look")
		var answer struct {
			Value []struct {
				ID       string `json:"thingId"`
				Revision int    `json:"_revision"`
			} `json:"value"`
		}
		if err := json.Unmarshal([]byte(m.Payload), &answer); err != nil {
			s.t.Fatalf("%v: %.500s", err, m.Payload)
		}
		revisions := make(map[string]int)
		for _, v := range answer.Value {
			revisions[v.ID] = v.Revision
		}
		for _, id := range ids {
			if revisions[id] != 1 {
				problems = append(problems, fmt.Sprintf("%s: the revision is %d, it was made and not changed", id, revisions[id]))
			}
		}
	}
	return problems
}
