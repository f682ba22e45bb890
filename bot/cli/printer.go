package cli

import (
	"encoding/csv"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"unicode"
	"unicode/utf8"

	"github.com/cancelbot/cancelbot/bot/cli/internal/terminal"
)

// sheet says how entries of a kind are printed as a table and as CSV.
type sheet[T any] struct {
	none    string // instead of an empty table
	columns string // of a table, separated by tabs
	cells   func(T) []string
	fields  []string // of CSV
	values  func(T) []string

	nameFields []string // further fields of CSV, if names are wanted
	nameValues func(T) []string
}

// printer prints the entries of pages, one page after the other.
type printer[T any] struct {
	sheet  sheet[T]
	out    io.Writer
	format historyFlags
	begun  bool // it has printed the header
}

// page prints entries. The columns of a table are as wide as those of the page need.
func (p *printer[T]) page(entries []T) error {
	if len(entries) == 0 {
		return nil
	}
	header := !p.begun
	p.begun = true
	var err error
	switch {
	case p.format.asJSON:
		err = p.json(entries)
	case p.format.csv:
		err = p.csv(entries, header)
	default:
		err = p.table(entries, header)
	}
	if err != nil {
		return fmt.Errorf("writing the history: %w", err)
	}
	return nil
}

// end prints what there is to say if there were no entries.
func (p *printer[T]) end() error {
	switch {
	case p.begun || p.format.asJSON:
		return nil
	case p.format.csv:
		return p.csv(nil, true)
	}
	_, err := fmt.Fprintln(p.out, p.sheet.none)
	return err
}

func (p *printer[T]) json(entries []T) error {
	for _, e := range entries {
		if err := terminal.WriteJSON(p.out, e, ""); err != nil {
			return err
		}
	}
	return nil
}

// csv writes CSV. Like a table, it shows invisible characters and line breaks
// escaped, since it is often read in a terminal; JSON has the texts unchanged.
func (p *printer[T]) csv(entries []T, header bool) error {
	w := csv.NewWriter(p.out)
	named := p.format.names && p.sheet.nameFields != nil
	if header {
		fields := p.sheet.fields
		if named {
			fields = append(fields[:len(fields):len(fields)], p.sheet.nameFields...)
		}
		_ = w.Write(fields) // csv.Writer keeps an error, which Error returns
	}
	for _, e := range entries {
		row := p.sheet.values(e)
		if named {
			row = append(row, p.sheet.nameValues(e)...)
		}
		for i, cell := range row {
			row[i] = noFormula(terminal.Printable(cell))
		}
		_ = w.Write(row)
	}
	w.Flush()
	return w.Error()
}

// table writes rows whose cells may come from anyone who can write to the database.
func (p *printer[T]) table(entries []T, header bool) error {
	w := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
	if header {
		fmt.Fprintln(w, p.sheet.columns)
	}
	for _, e := range entries {
		cells := p.sheet.cells(e)
		for i, cell := range cells {
			cells[i] = terminal.Printable(cell)
		}
		fmt.Fprintln(w, strings.Join(cells, "\t")) // a tabwriter keeps an error, which Flush returns
	}
	return w.Flush()
}

// noFormula prevents a cell from being run as a formula in a spreadsheet
// (owasp.org, "CSV Injection").
func noFormula(cell string) string {
	first, _ := utf8.DecodeRuneInString(strings.TrimLeftFunc(cell, unicode.IsSpace))
	if strings.ContainsRune("=+-@＝＋－＠", first) || cell != "" && strings.ContainsRune("\t\r\n", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}
