// Command gotext prints what Go's standard library makes of text: the table that Bob's own functions are compared with.
//
// It is run by hand, when a case is added or Go's Unicode tables change:
//
//	cd tools && go run ./gotext > ../testdata/go_text.txt
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

const head = `# What Go's standard library makes of text. Made by tools/gotext; not written by hand.
#
#   FUNCTION ARGUMENT… => RESULT
#
# A text stands in double quotes; in it \xNN is one byte, and every byte outside printable ASCII, \ and " are written so.
`

// Texts on which upper and lower case, white space and bytes that are no UTF-8 show.
var texts = []string{
	"", "a", "A", "aA1-_", "Straße", "STRASSE", "ẞ", "İ", "ı", "I", "i", "ǅ", "ǆ", "Ǆ", "Σ", "ΑΣ", "σς", "\u212a", "\u017f",
	"K", "S", "ŉ", "ﬁ", "é", "É", "e\u0301", "Ω", "\u2126", "ω", "µ", "μ", "ß", "Å", "\u212b", "Ა", "ა", "Ꭰ", "ꭰ",
	"\xff", "a\xe2\x82b", "\xed\xa0\x80", "\xf0\x9f\x98", "😀", "\ufffd", "\ufeff", "\u2028", "\x00", "\x7f",
	" a ", "\t\v\f\r\n a", "\u00a0a\u3000", "\u0085a\u0085", "a\xa0", "\x85a", "\u2003", "\u200ba", "\u180ea", "\u1680 a",
	"a\"b\\c'", "\a\b\f\n\r\t\v", "\x01\x1b", "\u00ad", "\ue000", "\U000e0001", "\u0301", "<a>&\u2029", "世界", "\U0010ffff",
}

// Pairs that fold together or only seem to.
var pairs = [][2]string{
	{"as", "AS"}, {"aſ", "AS"}, {"a", "as"}, {"\u212a", "k"}, {"\u212a", "K"}, {"ß", "ẞ"}, {"ß", "ss"}, {"ς", "Σ"}, {"ς", "σ"},
	{"ǅ", "ǆ"}, {"ǅ", "Ǆ"}, {"İ", "i"}, {"İ", "I"}, {"ı", "I"}, {"\u2126", "ω"}, {"µ", "μ"}, {"\u212b", "å"}, {"é", "É"},
	{"Ა", "ა"}, {"ꭰ", "Ꭰ"}, {"ﬁ", "FI"}, {"1", "1"}, {"", ""}, {"x", ""}, {"K8s", "k8S"}, {"ı", "i"}, {"ı", "İ"}, {"θ", "ϑ"}, {"ϴ", "θ"}, {"ᲀ", "В"}, {"Ω", "ω"}, {"ŉ", "ʼn"}, {"\ufb05", "\ufb06"},
}

var patterns = [][2]string{
	{"abc", "abc"}, {"*", "abc"}, {"*c", "abc"}, {"a*", "a"}, {"a*", "abc"}, {"a*b*c*d", "axbxcxd"}, {"a*b?c*x", "abxbbxdbxebxczzx"},
	{"a*b?c*x", "abxbbxdbxebxczzy"}, {"a?c", "aüc"}, {"a??c", "aüc"}, {"[a-c]x", "bx"}, {"[^a]x", "bx"}, {"[^a]x", "ax"},
	{"[ä-ü]", "ö"}, {"[ä-ü]", "a"}, {"a\\*", "a*"}, {"a\\*", "ab"}, {"*.txt", "a.b.txt"}, {"[\\]]", "]"}, {"[\\]a]", "a"}, {"**", "x"},
	{"", ""}, {"", "x"}, {"abc", "ab"}, {"ab", "abc"}, {"*c", "ab"}, {"a?", "a"}, {"[a-c]", "d"}, {"[", "a"}, {"a\\", "a"},
	{"[]a]", "]"}, {"[-]", "-"}, {"[x-]", "x"}, {"[-x]", "x"}, {"[a-b-c]", "a"}, {"[\\-x]", "-"}, {"[\\-x]", "a"}, {"[a", "a"}, {"a[", "a"},
	{"a[", "ab"}, {"a[", "x"}, {"*x", "xxx"}, {"*x", "xxxy"}, {"[^", "b"}, {"[^bc", "a"}, {"ab[c]", "abc"}, {"ab[b-d]", "abc"},
	{"ab[^e-g]", "abc"}, {"[!a]", "b"}, {"[!a]", "!"}, {"?", "\xff"}, {"[\xff]", "\xff"}, {"[a\xff]", "a"}, {"[\ufffd]", "\xff"}, {"[a-\ufffd]", "\xff"}, {"[\\\xff]", "\xff"}, {"\xff", "\xff"}, {"*\xff", "a\xff"}, {"[a-ζ]*", "α"},
	{"*[a-ζ]", "α"}, {"[a-ζ]", "\u03c7"}, {"a*\\", "ab"}, {"*[", ""}, {"\\a", "a"}, {"[z-a]", "m"}, {"[^z-a]", "m"},
}

var durations = []int64{
	0, 1, 999, 1000, 1100, 999_999, 1_000_000, 2_200_000, 999_999_999, 1_000_000_000, 1_000_000_001, 1_500_000_000, 30_000_000_000,
	59_999_999_999, 60_000_000_000, 90_000_000_000, 3_600_000_000_000, 3_601_000_000_000, 5_430_500_000_000, 86_400_000_000_000,
	-1, -1_500_000_000, math.MaxInt64, math.MinInt64,
}

var lists = [][]string{{}, {""}, {"a"}, {"a", "b c"}, {"é", "\xff"}, {"a\"b", "\n"}, {"", ""}}

// text writes bytes as the head of the table says.
func text(value string) string {
	var out strings.Builder
	out.WriteByte('"')
	for _, b := range []byte(value) {
		if b < ' ' || b > '~' || b == '"' || b == '\\' {
			fmt.Fprintf(&out, "\\x%02x", b)
		} else {
			out.WriteByte(b)
		}
	}
	out.WriteByte('"')
	return out.String()
}

func row(function string, result any, arguments ...string) {
	fmt.Print(function)
	for _, argument := range arguments {
		fmt.Print(" ", text(argument))
	}
	if value, ok := result.(string); ok {
		result = text(value)
	}
	fmt.Println(" =>", result)
}

func main() {
	fmt.Print(head)
	for _, t := range texts {
		row("[]rune", string([]rune(t)), t)
		row("strings.ToLower", strings.ToLower(string([]rune(t))), string([]rune(t)))
		row("strings.ToUpper", strings.ToUpper(string([]rune(t))), string([]rune(t)))
		row("bytes.TrimSpace", string(bytes.TrimSpace([]byte(t))), t)
		row("bytes.TrimLeftFunc", string(bytes.TrimLeftFunc([]byte(t), unicode.IsSpace)), t)
		row("strconv.Quote", strconv.Quote(t), t)
		encoded, err := json.Marshal(string([]rune(t)))
		if err != nil {
			panic(err)
		}
		row("json.Marshal", string(encoded), string([]rune(t)))
	}
	for _, p := range pairs {
		row("strings.EqualFold", strings.EqualFold(p[0], p[1]), p[0], p[1])
	}
	for _, p := range patterns {
		matched, err := filepath.Match(p[0], p[1])
		row("filepath.Match", matched && err == nil, p[0], p[1])
	}
	for _, d := range durations {
		row("Duration.String", time.Duration(d).String(), strconv.FormatInt(d, 10))
	}
	for _, l := range lists {
		row("fmt %q", fmt.Sprintf("%q", l), l...)
		if utf8.ValidString(strings.Join(l, "")) {
			row("fmt %v", fmt.Sprintf("%v", l), l...)
		}
	}
}
