package jsondoc

import "iter"

type Kind uint8

const (
	KindNull Kind = iota
	KindBool
	KindNumber
	KindString
	KindObject
	KindArray
)

type Limits struct{ Depth int }

type Value struct{ text string }

type Member struct {
	Name  string
	Value *Value
}

type SyntaxError struct {
	Offset  int
	Problem string
}

func (e *SyntaxError) Error() string { panic("skeleton") }

type PathError struct {
	Path Pointer
	At   int
	Kind Kind
}

func (e *PathError) Error() string { panic("skeleton") }

type PointerError struct{ Text, Problem string }

func (e *PointerError) Error() string { panic("skeleton") }

type SelectorError struct{ Text, Problem string }

func (e *SelectorError) Error() string { panic("skeleton") }

func Parse(text []byte, lim Limits) (*Value, error)        { panic("skeleton") }
func ParseString(s string) (*Value, error)                 { panic("skeleton") }
func Null() *Value                                         { panic("skeleton") }
func Bool(b bool) *Value                                   { panic("skeleton") }
func String(s string) *Value                               { panic("skeleton") }
func Number(text string) (*Value, error)                   { panic("skeleton") }
func Int(i int64) *Value                                   { panic("skeleton") }
func Object(members ...Member) *Value                      { panic("skeleton") }
func Array(elems ...*Value) *Value                         { panic("skeleton") }
func Nest(p Pointer, val *Value) *Value                    { panic("skeleton") }
func (v *Value) Kind() Kind                                { panic("skeleton") }
func (v *Value) Size() int                                 { panic("skeleton") }
func (v *Value) Depth() int                                { panic("skeleton") }
func (v *Value) AppendTo(dst []byte) []byte                { panic("skeleton") }
func (v *Value) String() string                            { panic("skeleton") }
func (v *Value) Text() (string, bool)                      { panic("skeleton") }
func (v *Value) Bool() (value, ok bool)                    { panic("skeleton") }
func (v *Value) Int() (int64, bool)                        { panic("skeleton") }
func (v *Value) IsNull() bool                              { panic("skeleton") }
func (v *Value) Len() int                                  { panic("skeleton") }
func (v *Value) Member(name string) (*Value, bool)         { panic("skeleton") }
func (v *Value) Members() iter.Seq2[string, *Value]        { panic("skeleton") }
func (v *Value) Elements() iter.Seq[*Value]                { panic("skeleton") }
func (v *Value) Get(p Pointer) (*Value, bool)              { panic("skeleton") }
func (v *Value) Set(p Pointer, val *Value) (*Value, error) { panic("skeleton") }
func (v *Value) Overwrite(p Pointer, val *Value) *Value    { panic("skeleton") }
func (v *Value) Delete(p Pointer) (*Value, bool)           { panic("skeleton") }
func (v *Value) Merge(patch *Value) *Value                 { panic("skeleton") }
func (v *Value) Select(s Selector) *Value                  { panic("skeleton") }
func (v *Value) Compact() *Value                           { panic("skeleton") }
func Equal(a, b *Value) bool                               { panic("skeleton") }
func AppendString(dst []byte, s string) []byte             { panic("skeleton") }

type Pointer []string

func ParsePointer(s string) (Pointer, error) { panic("skeleton") }
func (p Pointer) String() string             { panic("skeleton") }
func (p Pointer) AppendTo(dst []byte) []byte { panic("skeleton") }

type Selector struct{ pointers []Pointer }

func ParseSelector(s string) (Selector, error) { panic("skeleton") }
func (s Selector) IsEmpty() bool               { panic("skeleton") }
func (s Selector) Pointers() []Pointer         { panic("skeleton") }
func (s Selector) String() string              { panic("skeleton") }
