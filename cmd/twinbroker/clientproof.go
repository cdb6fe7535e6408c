package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"

	"github.com/eclipse/paho.golang/paho"
	"github.com/spf13/pflag"
	"golang.org/x/term"
)

// clientProof says who a verb that is a client claims to be, and how it proves
// that.
type clientProof struct {
	user, passwordFile, token, tokenFile string
}

// What the environment brings.
const (
	passwordVariable = "TWINBROKER_PASSWORD"
	tokenVariable    = "TWINBROKER_TOKEN"
)

func (p *clientProof) add(flags *pflag.FlagSet) {
	flags.StringVar(&p.user, "user", "", "user name; the password is read from --password-file, "+passwordVariable+" or the terminal")
	flags.StringVar(&p.passwordFile, "password-file", "", "file whose first line is the password (- for standard input)")
	flags.StringVar(&p.token, "token", "", "token (JWT) instead of a password; others on this machine can see it: "+tokenVariable+" and --token-file keep it from them")
	flags.StringVar(&p.tokenFile, "token-file", "", "file whose first line is the token")
}

// fill puts the credentials into a CONNECT packet.
func (p *clientProof) fill(cp *paho.Connect) error {
	token := []byte(p.token)
	switch {
	case p.token != "" && p.tokenFile != "":
		return errors.New("--token and --token-file are both given: one of them is the token")
	case p.tokenFile != "":
		var err error
		if token, err = secretFile(p.tokenFile); err != nil {
			return fmt.Errorf("--token-file: %w", err)
		}
	case len(token) == 0 && p.user == "" && p.passwordFile == "":
		token = []byte(os.Getenv(tokenVariable))
	}
	if len(token) > 0 {
		if p.user != "" || p.passwordFile != "" {
			return errors.New("a token says who the client is: leave --user and --password-file out")
		}
		cp.Username, cp.UsernameFlag, cp.Password, cp.PasswordFlag = "jwt", true, token, true
		return nil
	}
	if p.user == "" {
		if p.passwordFile != "" {
			return errors.New("--password-file needs --user")
		}
		return nil
	}
	password, err := p.password()
	if err != nil {
		return err
	}
	cp.Username, cp.UsernameFlag, cp.Password, cp.PasswordFlag = p.user, true, password, true
	return nil
}

func (p *clientProof) password() ([]byte, error) {
	if p.passwordFile != "" {
		password, err := secretFile(p.passwordFile)
		if err != nil {
			return nil, fmt.Errorf("--password-file: %w", err)
		}
		return password, nil
	}
	if password, ok := os.LookupEnv(passwordVariable); ok {
		return []byte(password), nil
	}
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return nil, fmt.Errorf("the password of %s is not given: --password-file FILE, %s, or a terminal to ask for it", p.user, passwordVariable)
	}
	return ask(os.Stderr, "Password of "+p.user+": ")
}

// secretFile is the first line of a file.
func secretFile(name string) ([]byte, error) {
	if name == "-" {
		return firstLine(os.Stdin)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	line, err := firstLine(f)
	if err == nil && len(bytes.TrimSpace(line)) == 0 {
		err = fmt.Errorf("the first line of %s is empty", name)
	}
	return line, err
}
