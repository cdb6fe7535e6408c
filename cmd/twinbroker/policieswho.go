package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/twinbroker/twinbroker/broker/auth"
	"github.com/twinbroker/twinbroker/cmd/twinbroker/config"
	"github.com/twinbroker/twinbroker/twin/policy"
)

// who finds out whom the question is about, with the users of the configuration
// that -c names. What is to be known of them beside the answer goes to notes.
func (q *checkQuestion) who(notes io.Writer) error {
	if q.config == "" {
		if q.asUser != "" {
			return errors.New("--as-user needs -c: the configuration whose users_file has the user")
		}
		return q.someone()
	}
	cfg, problems := config.Load(q.config, config.Flags{})
	if problems.Err() != nil {
		printProblems(notes, problems)
		return errReported
	}
	q.loaded = cfg
	var users *auth.Users
	if cfg.Auth.UsersFile != "" {
		var err error
		if users, _, err = auth.ReadUsers(cfg.Auth.UsersFile); err != nil {
			return err
		}
	}
	if q.asUser != "" {
		if err := q.actAs(users, notes); err != nil {
			return err
		}
	} else {
		q.tellGroups(users, notes)
	}
	if err := q.someone(); err != nil {
		return err
	}
	q.client.Subjects = q.subjects
	for _, subject := range q.subjects {
		if slices.Contains(cfg.Auth.AdminSubjects, subject) {
			q.client.Admin = true
			fmt.Fprintf(notes, "%s is one of auth.admin_subjects: whoever has it may see and change everything, whatever Policies and rules say\n", subject)
		}
		if why := auth.Nameless(subject); why != "" {
			fmt.Fprintln(notes, why)
		}
	}
	return nil
}

func (q *checkQuestion) someone() error {
	if len(q.subjects) == 0 {
		return errors.New("--subject is needed: who is to be asked about, like user:ann (several together are one client's); or --as-user with -c")
	}
	return nil
}

// actAs takes the subjects and the name of a user.
func (q *checkQuestion) actAs(users *auth.Users, notes io.Writer) error {
	if users == nil {
		return fmt.Errorf("--as-user %q: %s has no auth.users_file", q.asUser, q.config)
	}
	subjects, in, ok := users.Subjects(q.asUser)
	if !ok {
		return fmt.Errorf("--as-user %q: there is no such user in %s", q.asUser, q.loaded.Auth.UsersFile)
	}
	if !in {
		fmt.Fprintf(notes, "the user %s is disabled: it is not let in\n", q.asUser)
	}
	q.subjects = append(slices.Clone(policy.Subjects(subjects)), q.subjects...)
	if q.client.Username == "" {
		q.client.Username = q.asUser
	}
	fmt.Fprintf(notes, "%s is %s\n", q.asUser, strings.Join(q.subjects, ", "))
	return nil
}

// tellGroups tells what users have besides of those that are asked about.
func (q *checkQuestion) tellGroups(users *auth.Users, notes io.Writer) {
	for _, subject := range q.subjects {
		name, is := strings.CutPrefix(subject, "user:")
		subjects, _, ok := users.Subjects(name)
		if !is || !ok {
			continue
		}
		more := slices.DeleteFunc(slices.Clone(subjects), func(s string) bool { return slices.Contains(q.subjects, s) })
		if len(more) > 0 {
			fmt.Fprintf(notes, "%s has %s besides, which is not asked about: --as-user %s takes all\n", subject, strings.Join(more, ", "), name)
		}
	}
}
