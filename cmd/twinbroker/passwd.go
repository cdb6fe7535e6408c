package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/twinbroker/twinbroker/broker/auth"
)

// passwdCommand edits users files.
func passwdCommand() *cobra.Command {
	var groups []string
	var remove bool
	cmd := &cobra.Command{
		Use:   "passwd FILE USER",
		Short: "Create and edit a users file",
		Long: `Add a user to a users file, or change the password of one. The file is made
when it is not there; auth.users_file in the configuration names it. A running
broker takes it over by itself.

The password is read from the terminal, twice, or the first line of standard
input. The user is a member of the groups that are given; without --group, of
those that it was in before.`,
		Example: `  twinbroker passwd users.passwd ann --group operators
  twinbroker passwd users.passwd lamp-1 --group devices <lamp-1.password
  twinbroker passwd users.passwd ann --delete`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			file, name := args[0], args[1]
			if err := auth.CheckUserName(name); err != nil {
				return err
			}
			e := auth.Edit{Name: name, Delete: remove}
			if cmd.Flags().Changed("group") {
				if remove {
					return errors.New("--group and --delete do not go together")
				}
				e.Groups = groups
				for _, g := range groups {
					if err := auth.CheckGroupName(g); err != nil {
						return err
					}
				}
			}
			if !remove {
				password, err := newPassword(cmd.InOrStdin(), cmd.ErrOrStderr(), name)
				if err != nil {
					return err
				}
				e.Hash = auth.Hash(password)
			}
			done, err := auth.EditUsers(file, e)
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s: user %s %s\n", file, name, done)
			if !remove {
				for _, subject := range auth.SubjectsOf(name, e.Groups) {
					if why := auth.Nameless(subject); why != "" {
						fmt.Fprintln(cmd.ErrOrStderr(), "warning: "+why)
					}
				}
			}
			return nil
		},
	}
	cmd.Flags().StringArrayVar(&groups, "group", nil, "a group that the user is a member of (repeatable)")
	cmd.Flags().BoolVar(&remove, "delete", false, "take the user out")
	return cmd
}

// newPassword reads a password that is to be set.
func newPassword(in io.Reader, prompts io.Writer, user string) ([]byte, error) {
	if in == os.Stdin && term.IsTerminal(int(os.Stdin.Fd())) {
		first, err := ask(prompts, "Password of "+user+": ")
		if err != nil {
			return nil, err
		}
		second, err := ask(prompts, "The same again: ")
		if err != nil {
			return nil, err
		}
		if !bytes.Equal(first, second) {
			return nil, errors.New("the passwords differ; nothing was changed")
		}
		return notEmpty(first)
	}
	line, err := firstLine(in)
	if err != nil {
		return nil, fmt.Errorf("the password cannot be read from standard input: %w", err)
	}
	return notEmpty(line)
}

func notEmpty(password []byte) ([]byte, error) {
	if len(password) == 0 {
		return nil, errors.New("the password is empty; nothing was changed")
	}
	return password, nil
}

// maxPassword is the longest that MQTT can carry.
const maxPassword = 65535

// firstLine is a line without its end.
func firstLine(r io.Reader) ([]byte, error) {
	line, err := bufio.NewReader(io.LimitReader(r, maxPassword+3)).ReadBytes('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
	if len(line) > maxPassword {
		return nil, fmt.Errorf("it has more than %d bytes", maxPassword)
	}
	return line, nil
}

// ask reads what is typed without showing it.
func ask(prompts io.Writer, prompt string) ([]byte, error) {
	fmt.Fprint(prompts, prompt)
	password, err := term.ReadPassword(int(os.Stdin.Fd()))
	fmt.Fprintln(prompts)
	return password, err
}
