package main

import (
	"cmp"
	"context"
	"log/slog"
	"os"
	"os/signal"
	"reflect"
	"syscall"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/twinbroker/twinbroker/broker"
	"github.com/twinbroker/twinbroker/broker/auth"
	"github.com/twinbroker/twinbroker/cmd/twinbroker/config"
	"github.com/twinbroker/twinbroker/twin"
)

// loadFunc reads the configuration as the program was started with it.
type loadFunc func() (*config.Config, config.Problems)

// live is the part of a configuration that can be exchanged.
func live(cfg *config.Config) broker.Live {
	return broker.Live{Anonymous: cfg.Auth.Anonymous, Rules: cfg.Rules, Publications: cfg.Published, ACL: cfg.Granted}
}

// reloading takes over a changed configuration, as far as that can be done
// without a restart, on SIGHUP and when the file changes. One with mistakes
// changes nothing.
type reloading struct {
	load         loadFunc
	current      *config.Config
	broker       *broker.Broker
	twins        *twin.Service
	auth         *auth.Authenticator
	audit        *auditFile
	closed       string // what was last told of closed topics
	certificates *certificates
	level        *slog.LevelVar
	log          *slog.Logger
	watcher      *fsnotify.Watcher // nil where nothing is noticed
}

// settle is how long a file must be left alone before it is read: an editor
// writes in several steps.
const settle = 200 * time.Millisecond

// start begins to listen; the function that it returns ends it.
func (r *reloading) start() (stop func()) {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	changes, closeWatch := r.watch()
	quit, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		var settled <-chan time.Time
		for {
			select {
			case <-hup:
				r.reload("SIGHUP")
			case e := <-changes:
				if r.current.IsReadFrom(e.Name) && !e.Has(fsnotify.Chmod) {
					settled = time.After(settle)
				}
			case <-settled:
				settled = nil
				r.reload("the file changed")
			case <-quit:
				return
			}
		}
	}()
	return func() {
		signal.Stop(hup)
		closeWatch()
		close(quit)
		<-ended
	}
}

// watch watches the folders of the files: editors put a new file in the place
// of one.
func (r *reloading) watch() (<-chan fsnotify.Event, func()) {
	none := func() {}
	if len(r.current.Folders()) == 0 {
		return nil, none
	}
	w, err := fsnotify.NewWatcher()
	if err != nil {
		r.unnoticed("", err)
		return nil, none
	}
	r.watcher = w
	r.watchFolders()
	return w.Events, func() { _ = w.Close() }
}

// watchFolders watches the folders of the present configuration, too.
func (r *reloading) watchFolders() {
	if r.watcher == nil {
		return
	}
	for _, folder := range r.current.Folders() {
		if err := r.watcher.Add(folder); err != nil {
			r.unnoticed(folder, err)
		}
	}
}

func (r *reloading) unnoticed(folder string, err error) {
	r.log.Warn("changes of the configuration's files are not noticed by themselves; send SIGHUP", "folder", folder, "error", err)
}

// reload reads the configuration and takes over what can be taken over.
func (r *reloading) reload(why string) {
	next, problems := r.load()
	if problems.Err() != nil {
		for _, p := range problems.Errors() {
			r.log.Error("the configuration is not taken over: "+p.String(), "because", why)
		}
		return
	}
	show, err := r.certificates.load(next)
	if err != nil {
		r.log.Error("the configuration is not taken over", "because", why, "error", err)
		return
	}
	if err := r.auth.Load(next.Auth); err != nil {
		r.log.Error("the configuration is not taken over", "because", why, "error", err)
		return
	}
	if r.current.Audit.File != "" && next.Audit.File != "" { // to begin, or to end, needs a restart
		if err := r.audit.open(next.Audit.File); err != nil {
			r.log.Error("the audit log stays where it is", "because", why, "error", err)
		}
	}
	show()
	for _, p := range problems.Warnings() {
		r.log.Warn(p.String())
	}
	if closed := next.Closed(); closed != r.closed {
		r.log.Log(context.Background(), gravityOfClosed(next), cmp.Or(closed, "topics outside of the twin's trees are open to everybody"))
		r.closed = closed
	}
	r.twins.LimitCreation(next.Creation)
	r.broker.Reload(live(next))
	r.broker.Recognize()
	r.level.Set(next.Log.Level)
	if keys := needRestart(r.current, next); len(keys) > 0 {
		r.log.Warn("configuration taken over, but for what needs a restart", "because", why, "restart_needed_for", keys)
	} else {
		r.log.Info("configuration taken over", "because", why)
	}
	// What needs a restart stays as it is, and is named again next time.
	kept := *r.current
	kept.Auth, kept.Log.Level, kept.Rules, kept.Published = next.Auth, next.Log.Level, next.Rules, next.Published
	kept.ACL, kept.ACLFile, kept.Granted, kept.Creation = next.ACL, next.ACLFile, next.Granted, next.Creation
	if kept.Audit.File != "" && next.Audit.File != "" {
		kept.Audit = next.Audit
	}
	kept.TakeFiles(next)
	r.current = &kept
	r.watchFolders()
}

// needRestart names the sections that differ and are read at start only.
func needRestart(old, next *config.Config) []string {
	var keys []string
	differ := func(key string, a, b any) {
		if !reflect.DeepEqual(a, b) {
			keys = append(keys, key)
		}
	}
	differ("data_dir", old.DataDir, next.DataDir)
	differ("listeners", old.Listeners, next.Listeners)
	differ("http", old.HTTP, next.HTTP)
	differ("provision", old.Provision, next.Provision)
	differ("topics", old.Topics, next.Topics)
	differ("store", old.Store, next.Store)
	differ("merge", old.Merge, next.Merge)
	differ("policies", old.Policies, next.Policies)
	differ("history", old.History, next.History)
	differ("limits", old.Limits, next.Limits)
	if (old.Audit.File == "") != (next.Audit.File == "") {
		keys = append(keys, "audit")
	}
	differ("log.format", old.Log.Format, next.Log.Format)
	return keys
}

// gravityOfClosed is how loudly it is said which topics are closed: those who
// wrote rules know it; without one, or when all is open, it may be a mistake.
func gravityOfClosed(cfg *config.Config) slog.Level {
	if cfg.Granted.Len() > 0 {
		return slog.LevelInfo
	}
	return slog.LevelWarn
}
