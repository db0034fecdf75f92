//! Tables in the house style of VyOS: tabulate's "simple", two columns between cells, dashes under the header, no frame.
//! A table that is too wide for the page takes the columns from its widest cells and wraps them.

use super::page::{GAP, Page, columns};

/// No column gets narrower than this.
const NARROWEST: usize = 3;

/// The first column names the row; an interface name (IFNAMSIZ less one) stays in one piece.
const NAME: usize = 15;

/// Writes a table; every row has as many cells as the header.
pub(super) fn simple<const N: usize>(
    page: &mut Page,
    indent: usize,
    header: [&str; N],
    rows: &[[String; N]],
) {
    let widths = widths(header.map(columns), rows, page.room(indent + GAP * N.saturating_sub(1)));
    write(page, indent, header, widths);
    let rules = widths.map(|width| "-".repeat(width));
    write(page, indent, rules.each_ref().map(String::as_str), widths);
    for row in rows {
        write(page, indent, row.each_ref().map(String::as_str), widths);
    }
}

/// Writes rows without a header.
pub(super) fn rows<const N: usize>(page: &mut Page, indent: usize, rows: &[[String; N]]) {
    let widths = widths([0; N], rows, page.room(indent + GAP * N.saturating_sub(1)));
    for row in rows {
        write(page, indent, row.each_ref().map(String::as_str), widths);
    }
}

fn widths<const N: usize>(mut widths: [usize; N], rows: &[[String; N]], room: usize) -> [usize; N] {
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = columns(cell).max(*width);
        }
    }
    fit(&mut widths, room);
    widths
}

fn write<const N: usize>(page: &mut Page, indent: usize, cells: [&str; N], widths: [usize; N]) {
    let cells: Vec<(&str, usize)> = cells.into_iter().zip(widths).collect();
    page.row(indent, &cells);
}

/// Takes columns from the widest until the sum is within the room, or all are as narrow as may be.
fn fit(widths: &mut [usize], room: usize) {
    while widths.iter().sum::<usize>() > room {
        let shrinkable = widths
            .iter_mut()
            .enumerate()
            .filter(|(n, width)| **width > if *n == 0 { NAME } else { NARROWEST });
        match shrinkable.map(|(_, width)| width).max() {
            Some(widest) => *widest -= 1,
            None => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(width: usize, rows: &[[&str; 2]]) -> String {
        let mut page = Page::new(width);
        let rows: Vec<[String; 2]> = rows.iter().map(|row| row.map(str::to_string)).collect();
        simple(&mut page, 0, ["Name", "Value"], &rows);
        page.finish()
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        assert_eq!(
            table(80, &[["a", "1"], ["longer", ""]]),
            "Name    Value\n------  -----\na       1\nlonger\n"
        );
    }

    #[test]
    fn a_table_too_wide_for_the_page_wraps_its_widest_cells() {
        let text = table(40, &[["vti0", &"x".repeat(50)]]);
        assert!(text.lines().all(|line| line.len() <= 40), "{text}");
        assert_eq!(text.matches('x').count(), 50);
        assert!(text.contains("vti0"));
    }
}
