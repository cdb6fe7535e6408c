package store

import (
	"log/slog"
	"time"
)

type Kind uint8

type Key struct {
	Kind Kind
	ID   string
}

type State interface {
	AppendTo(dst []byte) []byte
	Size() int
}

type KindSpec struct {
	Name   string
	Decode func(text []byte) (State, error)
	Apply  func(cur State, change []byte) (State, error)
}

type Options struct {
	Memory        int64
	Gather        time.Duration
	Patience      time.Duration
	SegmentSize   int64
	SnapshotEvery int64
	SnapshotAfter time.Duration
	Retention     time.Duration
	MaxSize       int64
	QueueRecords  int
	QueueBytes    int64
	SyncDelay     time.Duration
	Logger        *slog.Logger
	Clock         func() time.Time
	OnFatal       func(error)
}

type Store struct{}

func Open(dir string, kinds map[Kind]KindSpec, o Options) (*Store, error) { panic("store: Open") }
func (s *Store) Close() error                                             { panic("store: Close") }

type Entry struct {
	State    State
	Revision uint64
	Seq      uint64
	Modified time.Time
	Created  time.Time
}

type Tx struct{}

func (s *Store) Begin(keys ...Key) (*Tx, error)                                { panic("store: Begin") }
func (tx *Tx) Get(k Key) Entry                                                 { panic("store: Get") }
func (tx *Tx) Put(k Key, change []byte, next State) uint64                     { panic("store: Put") }
func (tx *Tx) Time() time.Time                                                 { panic("store: Time") }
func (tx *Tx) Commit(receipt *Receipt, headers []byte, done func(error))       { panic("store: Commit") }
func (tx *Tx) Abort()                                                          { panic("store: Abort") }
func (s *Store) View(k Key) (Entry, error)                                     { panic("store: View") }
func (s *Store) After(seq uint64, fn func(error))                              { panic("store: After") }
func (s *Store) OnBatch(fn func())                                             { panic("store: OnBatch") }
func (s *Store) Keys(kind Kind, prefix, after string, n int) ([]string, error) { panic("store: Keys") }

type Receipt struct {
	Client   string
	Epoch    uint64
	PacketID uint16
}

func (s *Store) Receipts(client string) (epoch uint64, ids []uint16) { panic("store: Receipts") }
func (s *Store) Release(r Receipt, done func(error))                 { panic("store: Release") }
func (s *Store) Forget(client string, done func(error))              { panic("store: Forget") }

type Stats struct{}

func (s *Store) Stats() Stats { panic("store: Stats") }
