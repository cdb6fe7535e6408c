package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/twinbroker/twinbroker/cmd/twinbroker/config"
	"github.com/twinbroker/twinbroker/twin"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

// provisioner is in whose name Policies and Things are provisioned, as the
// header ditto-originator tells it.
const provisioner = "twinbroker:provision"

// provision puts the Policies and Things of the configured folders in place,
// before anybody may connect. All files are read and checked first: when one of
// them is wrong nothing is put in place, and the error has a line for each
// mistake.
func provision(cfg *config.Config, service *twin.Service, log *slog.Logger) error {
	if cfg.Provision.Policies == "" && cfg.Provision.Things == "" {
		return nil
	}
	p := &provisioning{service: service, seen: map[string]string{}, how: twin.Skip}
	if cfg.Provision.Mode == config.Enforce {
		p.how = twin.Replace
	}
	p.folder(cfg.Provision.Policies, "provision.policies", true)
	p.folder(cfg.Provision.Things, "provision.things", false)
	p.policiesThere()
	if len(p.wrong) == 0 {
		p.put() // Policies first: they were read first
	}
	if len(p.wrong) > 0 {
		return fmt.Errorf("provision: nothing is started until this is put right:\n  %s", strings.Join(p.wrong, "\n  "))
	}
	log.Info("provisioned", "created", p.done[twin.Created], "replaced", p.done[twin.Replaced],
		"unchanged", p.done[twin.Unchanged], "left_as_they_are", p.done[twin.Skipped], "mode", cfg.Provision.Mode)
	return nil
}

type provisioning struct {
	service *twin.Service
	how     twin.OnConflict
	all     []provisioned
	seen    map[string]string // by kind and ID, the file
	wrong   []string
	done    [twin.Damaged + 1]int
}

// provisioned is what a file holds.
type provisioned struct {
	file   string
	entity *twin.Entity
}

func (p *provisioning) fail(file, format string, args ...any) {
	p.wrong = append(p.wrong, file+": "+fmt.Sprintf(format, args...))
}

// folder reads the JSON files of a folder and of those within it, in the order
// of their names.
func (p *provisioning) folder(folder, key string, policies bool) {
	if folder == "" {
		return
	}
	err := filepath.WalkDir(folder, func(file string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case strings.HasPrefix(d.Name(), ".") && file != folder: // of editors, and of Kubernetes' own
			if d.IsDir() {
				return fs.SkipDir
			}
		case filepath.Ext(file) == ".json":
			p.file(file, policies)
		}
		return nil
	})
	if err != nil {
		p.fail(key, "%v", err)
	}
}

// maxProvisioned bounds a file: what is larger is no Thing.
const maxProvisioned = 64 << 20

func (p *provisioning) file(file string, policies bool) {
	info, err := os.Stat(file)
	if err == nil && info.IsDir() {
		return
	}
	if err == nil && info.Size() > maxProvisioned {
		err = fmt.Errorf("has more than %d MiB", maxProvisioned>>20)
	}
	var text []byte
	if err == nil {
		text, err = os.ReadFile(file)
	}
	if err != nil {
		p.fail(file, "cannot be read: %v", err)
		return
	}
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	e, wrong := p.service.ReadEntity(text)
	switch {
	case wrong != nil && e != nil && e.ID() != "":
		p.fail(file, "%s: %v", e.ID(), wrong)
		return
	case wrong != nil:
		p.fail(file, "%v", wrong)
		return
	case policies && !e.IsPolicy():
		p.fail(file, "%s is a Thing: it belongs into the folder provision.things", e.ID())
		return
	case !policies && e.IsPolicy():
		p.fail(file, "%s is a Policy: it belongs into the folder provision.policies", e.ID())
		return
	case !policies && e.PolicyID() == "":
		p.fail(file, "%s names no Policy: give it a policyId, as nobody's own could be made for it", e.ID())
		return
	}
	key := fmt.Sprint(e.IsPolicy(), e.ID())
	if first := p.seen[key]; first != "" {
		p.fail(file, "%s is in %s already", e.ID(), first)
		return
	}
	p.seen[key] = file
	p.all = append(p.all, provisioned{file, e})
}

// policiesThere makes sure that the Policies are there that Things name: nobody
// could get at a Thing without.
func (p *provisioning) policiesThere() {
	for _, one := range p.all {
		if one.entity.IsPolicy() || p.seen[fmt.Sprint(true, one.entity.PolicyID())] != "" {
			continue
		}
		there, err := p.service.HasPolicy(one.entity.PolicyID())
		switch {
		case err != nil:
			p.fail(one.file, "%s: its Policy %s cannot be looked for: %v", one.entity.ID(), one.entity.PolicyID(), err)
		case !there:
			p.fail(one.file, "%s: there is no Policy %s: put it into the folder provision.policies", one.entity.ID(), one.entity.PolicyID())
		}
	}
}

// put puts everything in place, and waits until it is on disk.
func (p *provisioning) put() {
	sender := twin.Sender{Client: provisioner, Subjects: []string{provisioner}, Admin: true}
	for _, one := range p.all {
		type result struct {
			placed twin.Placed
			err    *protocol.Error
		}
		told := make(chan result, 1)
		p.service.PutEntity(one.entity, sender, p.how, func(placed twin.Placed, o *twin.Outcome) { told <- result{placed, o.Err} })
		r := <-told
		if r.err != nil {
			p.fail(one.file, "%s: %v", one.entity.ID(), r.err)
			continue
		}
		p.done[r.placed]++
	}
}
