// Package rql is Ditto's RQL: an expression such as
//
//	and(gt(features/lamp/properties/level,50),not(exists(attributes/broken)))
//
// is parsed once into a [Filter], which then says of any number of Things
// whether they match.
//
// The grammar is Ditto's (page basic-rql; RqlPredicateParser and RqlParserBase
// in its rql/parser), to the white space, which may stand only where _ does:
//
//	expression  = _ query
//	query       = compare "(" property "," value ")"
//	            | "in" "(" property "," value { "," value } ")"
//	            | ( "exists" | "empty" ) "(" property ")"
//	            | ( "and" | "or" ) "(" query { "," _ query } ")"
//	            | "not" "(" query ")"
//	compare     = "eq" | "ne" | "gt" | "ge" | "lt" | "le" | "like" | "ilike"
//	value       = ( number | string | "true" | "false" | "null" | moment ) _
//	number      = [ "+" | "-" ] ( "0" | digit1to9 { digit } ) [ "." digit { digit } ]
//	string      = '"' { character | escape } '"' | "'" { character | escape } "'"
//	escape      = "\" ( quote | "\" | "/" | "b" | "f" | "n" | "r" | "t" | "u" 4 hexdigit )
//	moment      = "time:now" [ "_epoch_millis" ] [ ( "+" | "-" ) digits [ unit ] ] [ "[" unit "]" ]
//	unit        = "ms" | "s" | "m" | "h" | "d" | "w" | "mo" | "y"
//	property    = { character but , ) " \ | escape }
//
// A property is a JSON Pointer into the Thing, with or without its leading
// slash, a special field, or, in filters of signals, a placeholder; see
// [Scope]. A value is never a property: RQL cannot compare two of them.
//
// What an expression means is what Ditto's rql/query makes of it
// (ThingPredicateVisitor and what it uses), and for searches what its
// CreateBsonPredicateVisitor has MongoDB do. It differs in this:
//
//   - Numbers are compared with all their digits; Ditto makes doubles of those
//     that have a point.
//   - features/* stands for any Feature everywhere; in Ditto only in searches.
//   - null in the values of in is equal to null, as the page has it; Ditto's
//     code fails with it.
//   - null has no text, so like never matches it; Ditto compares with Java's
//     name of an internal object.
//   - exists and empty see the special fields _revision, _created, _modified
//     and _metadata; Ditto's look at the Thing's JSON without them.
//   - exists and empty look into arrays in _metadata as they do elsewhere.
//   - time: may be a property in filters of signals, as the page says; Ditto's
//     code does not know it there.
//   - A placeholder time: that cannot be resolved is an error when the
//     expression is parsed; in Ditto it is null.
//   - What an expression may take of time is bounded; see [Filter.Matches].
package rql
