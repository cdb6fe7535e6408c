// Package jsondoc is a JSON document that keeps its text.
//
// A [Value] is immutable: numbers keep the digits they came with, objects
// their order, strings their escapes; only insignificant white space goes.
// What was parsed stays text and is split into members only where somebody
// looks into it. A change makes a new value that copies the objects on the
// way to the changed place and shares all the rest with the old one, so that
// its price depends on the path and not on the document.
//
// JSON is RFC 8259, read strictly; a [Pointer] is RFC 6901 and a merge patch
// RFC 7396, each with what Eclipse Ditto does differently; a [Selector] is
// Ditto's field selector.
package jsondoc
