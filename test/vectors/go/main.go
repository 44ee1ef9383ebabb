// Command verify reads one JSON document with a log and what was claimed about it from standard input, and checks every claim with
// golang.org/x/mod/sumdb/note and tlog. It prints one JSON line a claim. It shares no code with the program that made them.
package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type document struct {
	Leaves      [][]byte      `json:"leaves"`
	Roots       []string      `json:"roots"`
	Inclusion   []inclusion   `json:"inclusion"`
	Consistency []consistency `json:"consistency"`
	Tiles       []tile        `json:"tiles"`
	Plain       []plain       `json:"plain"`
	Cosigned    []cosigned    `json:"cosigned"`
	Proofs      []proofFile   `json:"proofs"`
}

type inclusion struct {
	Index int64    `json:"index"`
	Size  int64    `json:"size"`
	Proof []string `json:"proof"`
}

type consistency struct {
	From  int64    `json:"from"`
	To    int64    `json:"to"`
	Proof []string `json:"proof"`
}

// A tile at a C2SP path, which is Go's without the height.
type tile struct {
	Path  string `json:"path"`
	Bytes []byte `json:"bytes"`
}

type plain struct {
	Note string `json:"note"`
	VKey string `json:"vkey"`
}

type cosigned struct {
	Note  string   `json:"note"`
	VKeys []string `json:"vkeys"`
}

type proofFile struct {
	Text  string   `json:"text"`
	VKeys []string `json:"vkeys"`
}

type verdict struct {
	Claim string `json:"claim"`
	OK    bool   `json:"ok"`
	Error string `json:"error,omitempty"`
}

func main() {
	var doc document
	decoder := json.NewDecoder(os.Stdin)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&doc); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	out := json.NewEncoder(os.Stdout)
	report := func(claim string, err error) {
		v := verdict{Claim: claim, OK: err == nil}
		if err != nil {
			v.Error = err.Error()
		}
		if err := out.Encode(v); err != nil {
			panic(err)
		}
	}
	check(doc, report)
}

func check(doc document, report func(string, error)) {
	log := newLog(doc.Leaves)
	for size, root := range doc.Roots {
		report(fmt.Sprintf("root %d", size), log.sameRoot(int64(size), root))
	}
	for _, c := range doc.Inclusion {
		report(fmt.Sprintf("inclusion %d %d", c.Index, c.Size), log.included(c))
	}
	for _, c := range doc.Consistency {
		report(fmt.Sprintf("consistency %d %d", c.From, c.To), log.consistent(c))
	}
	for _, c := range doc.Tiles {
		report("tile "+c.Path, log.sameTile(c))
	}
	for i, c := range doc.Plain {
		report(fmt.Sprintf("plain %d", i), log.plainNote(c))
	}
	for i, c := range doc.Cosigned {
		_, _, err := log.cosignedNote(c.Note, c.VKeys)
		report(fmt.Sprintf("cosigned %d", i), err)
	}
	for i, c := range doc.Proofs {
		report(fmt.Sprintf("proof %d", i), log.proof(c))
	}
}

// log is a tree that Go builds itself from the leaves.
type log struct{ hashes []tlog.Hash }

func newLog(leaves [][]byte) *log {
	l := &log{}
	for i, leaf := range leaves {
		hashes, err := tlog.StoredHashes(int64(i), leaf, l)
		if err != nil {
			panic(err)
		}
		l.hashes = append(l.hashes, hashes...)
	}
	return l
}

func (l *log) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	list := make([]tlog.Hash, 0, len(indexes))
	for _, i := range indexes {
		if i >= int64(len(l.hashes)) {
			return nil, fmt.Errorf("no stored hash %d", i)
		}
		list = append(list, l.hashes[i])
	}
	return list, nil
}

func (l *log) sameRoot(size int64, root string) error {
	want, err := tlog.TreeHash(size, l)
	if err != nil {
		return err
	}
	if hex.EncodeToString(want[:]) != root {
		return fmt.Errorf("Go computes root %x", want[:])
	}
	return nil
}

func (l *log) included(c inclusion) error {
	proof, err := hashesOf(c.Proof)
	if err != nil {
		return err
	}
	root, err := tlog.TreeHash(c.Size, l)
	if err != nil {
		return err
	}
	leaf, err := l.ReadHashes([]int64{tlog.StoredHashIndex(0, c.Index)})
	if err != nil {
		return err
	}
	return tlog.CheckRecord(proof, c.Size, root, c.Index, leaf[0])
}

func (l *log) consistent(c consistency) error {
	proof, err := hashesOf(c.Proof)
	if err != nil {
		return err
	}
	older, err := tlog.TreeHash(c.From, l)
	if err != nil {
		return err
	}
	newer, err := tlog.TreeHash(c.To, l)
	if err != nil {
		return err
	}
	return tlog.CheckTree(proof, c.To, newer, c.From, older)
}

func (l *log) sameTile(c tile) error {
	parsed, err := tlog.ParseTilePath(strings.Replace(c.Path, "/tile/", "tile/8/", 1))
	if err != nil {
		return err
	}
	data, err := tlog.ReadTileData(parsed, l)
	if err != nil {
		return err
	}
	if !bytes.Equal(data, c.Bytes) {
		return errors.New("Go computes another tile")
	}
	return nil
}

func (l *log) plainNote(c plain) error {
	verifier, err := note.NewVerifier(c.VKey)
	if err != nil {
		return err
	}
	opened, err := note.Open([]byte(c.Note), note.VerifierList(verifier))
	if err != nil {
		return err
	}
	_, err = l.tree(opened.Text, verifier.Name())
	return err
}

// tree parses a checkpoint's text with its three lines and compares its root with Go's.
func (l *log) tree(text, origin string) (tlog.Tree, error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 4 || lines[3] != "" || lines[0] != origin {
		return tlog.Tree{}, fmt.Errorf("not a checkpoint of %s: %q", origin, text)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, err
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil {
		return tlog.Tree{}, err
	}
	if err := l.sameRoot(size, hex.EncodeToString(root[:])); err != nil {
		return tlog.Tree{}, err
	}
	return tlog.Tree{N: size, Hash: root}, nil
}

// cosignedNote wants a valid cosignature/v1 of more than two thirds of the keys.
func (l *log) cosignedNote(text string, vkeys []string) (tlog.Tree, string, error) {
	verifiers := make([]note.Verifier, 0, len(vkeys))
	for _, vkey := range vkeys {
		v, err := newCosigner(vkey)
		if err != nil {
			return tlog.Tree{}, "", err
		}
		verifiers = append(verifiers, v)
	}
	opened, err := note.Open([]byte(text), note.VerifierList(verifiers...))
	if err != nil {
		return tlog.Tree{}, "", err
	}
	if 3*len(opened.Sigs) <= 2*len(vkeys) || len(opened.UnverifiedSigs) != 0 {
		return tlog.Tree{}, "", fmt.Errorf("%d verified and %d unknown signatures of %d keys", len(opened.Sigs), len(opened.UnverifiedSigs), len(vkeys))
	}
	origin, _, _ := strings.Cut(opened.Text, "\n")
	tree, err := l.tree(opened.Text, origin)
	return tree, origin, err
}

// proof checks a c2sp.org/tlog-proof file whose extra data is the record.
func (l *log) proof(c proofFile) error {
	head, checkpoint, found := strings.Cut(c.Text, "\n\n")
	if !found {
		return errors.New("no empty line")
	}
	lines := strings.Split(head, "\n")
	if len(lines) < 3 || lines[0] != "c2sp.org/tlog-proof@v1" {
		return errors.New("not a tlog-proof")
	}
	extra, found := strings.CutPrefix(lines[1], "extra ")
	if !found {
		return errors.New("no extra line")
	}
	record, err := base64.StdEncoding.Strict().DecodeString(extra)
	if err != nil {
		return err
	}
	digits, found := strings.CutPrefix(lines[2], "index ")
	if !found {
		return errors.New("no index line")
	}
	index, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return err
	}
	proof := make(tlog.RecordProof, 0, len(lines)-3)
	for _, line := range lines[3:] {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return err
		}
		proof = append(proof, hash)
	}
	tree, _, err := l.cosignedNote(checkpoint, c.VKeys)
	if err != nil {
		return err
	}
	return tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash(record))
}

// cosigner verifies cosignature/v1 lines (c2sp.org/tlog-cosignature); x/mod knows only plain Ed25519.
type cosigner struct {
	name string
	id   uint32
	key  ed25519.PublicKey
}

func newCosigner(vkey string) (*cosigner, error) {
	parts := strings.SplitN(vkey, "+", 3)
	if len(parts) != 3 {
		return nil, errors.New("malformed verifier key")
	}
	material, err := base64.StdEncoding.Strict().DecodeString(parts[2])
	if err != nil {
		return nil, err
	}
	if len(material) != 33 || material[0] != 4 {
		return nil, errors.New("not a cosignature/v1 key")
	}
	sum := sha256.Sum256(append([]byte(parts[0]+"\n"), material...))
	id := binary.BigEndian.Uint32(sum[:4])
	if fmt.Sprintf("%08x", id) != parts[1] {
		return nil, errors.New("key id does not belong to name and key")
	}
	return &cosigner{name: parts[0], id: id, key: ed25519.PublicKey(material[1:])}, nil
}

func (c *cosigner) Name() string    { return c.name }
func (c *cosigner) KeyHash() uint32 { return c.id }

func (c *cosigner) Verify(text, signature []byte) bool {
	if len(signature) != 8+ed25519.SignatureSize {
		return false
	}
	time := binary.BigEndian.Uint64(signature[:8])
	message := append([]byte(fmt.Sprintf("cosignature/v1\ntime %d\n", time)), text...)
	return ed25519.Verify(c.key, message, signature[8:])
}

func hashesOf(list []string) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, 0, len(list))
	for _, text := range list {
		raw, err := hex.DecodeString(text)
		if err != nil || len(raw) != tlog.HashSize {
			return nil, fmt.Errorf("not a hash: %q", text)
		}
		hashes = append(hashes, tlog.Hash(raw))
	}
	return hashes, nil
}
