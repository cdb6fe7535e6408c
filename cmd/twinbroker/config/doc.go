// Package config reads the configuration of twinbroker.
//
// The one idea: a configuration is a document with places, and everything
// that is wrong with it is told at once, each by its file, line and key. The
// YAML is read into nodes that keep their positions and the case of their
// keys; each section takes the keys that it knows, and a key that is left over
// is a problem, with the key that may have been meant. What the sections
// describe (mappings, listeners, certificates) is compiled and tried here, so
// that a configuration without problems is one that the broker can start with.
//
// Scalar settings may also come from the environment (TWINBROKER_ and the key
// in capitals, "_" for ".") and from flags; viper brings these together, with
// flags before environment before file before default. Lists in the
// environment are JSON and replace the file's. No map whose keys users choose
// goes through viper, which would lower-case them and split them at dots.
package config
