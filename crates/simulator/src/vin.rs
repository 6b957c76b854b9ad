//! Vehicle identification numbers with a valid check digit (ISO 3779, position 9).
//!
//! Makes numbers for simulated vehicles; does not judge those of others.

const WEIGHTS: [u32; 17] = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];
const CHECK_POSITION: usize = 8;
const STEM: usize = 11;
const SERIALS: usize = 1_000_000;

/// The VIN of the same make, model and plant with another serial number, below one million.
pub(crate) fn with_serial(template: &str, serial: usize) -> String {
    let stem: String = template.chars().take(STEM).collect();
    with_check_digit(&format!("{stem}{:06}", serial % SERIALS))
}

fn with_check_digit(vin: &str) -> String {
    let sum: u32 = vin.chars().zip(WEIGHTS).map(|(letter, weight)| value(letter) * weight).sum();
    let check = char::from_digit(sum % 11, 10).unwrap_or('X');
    let place = |(position, letter)| if position == CHECK_POSITION { check } else { letter };
    vin.chars().enumerate().map(place).collect()
}

/// Letters count as their column in the alphabet of ISO 3779, which leaves out I, O and Q.
fn value(letter: char) -> u32 {
    match letter {
        'A' | 'J' => 1,
        'B' | 'K' | 'S' => 2,
        'C' | 'L' | 'T' => 3,
        'D' | 'M' | 'U' => 4,
        'E' | 'N' | 'V' => 5,
        'F' | 'W' => 6,
        'G' | 'P' | 'X' => 7,
        'H' | 'Y' => 8,
        'R' | 'Z' => 9,
        _ => letter.to_digit(10).unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_published_vin_keeps_its_check_digit() {
        assert_eq!(with_check_digit("1M8GDM9AXKP042788"), "1M8GDM9AXKP042788");
        assert_eq!(with_check_digit("11111111111111111"), "11111111111111111");
    }

    #[test]
    fn another_serial_gets_another_check_digit() {
        assert_eq!(with_serial("1M8GDM9AXKP000000", 42_788), "1M8GDM9AXKP042788");
    }
}
