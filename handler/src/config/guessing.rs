//! A rough estimate of how hard a token is to guess. It is right for random tokens, and low for what people think of: words,
//! rows of characters, and repetitions.

/// The least estimate for a valid token, in bits. The output of `openssl rand -base64 32` has twice as many; six words have
/// less.
pub(super) const LEAST_BITS: f64 = 80.0;

/// Letters of one case in a row that count as a word.
const WORD_LETTERS: usize = 5;

/// The entropy of one letter in a word: a word of five or six letters is one of a few thousand.
const BITS_OF_A_LETTER: f64 = 2.0;

/// The entropy of a digit, which is often part of a year.
const BITS_OF_A_DIGIT: f64 = 3.3;

/// The estimate, in bits.
pub(super) fn bits(token: &str) -> f64 {
    let token: Vec<char> = token.chars().collect();
    let unpredictable = alphabet(&token).log2();
    let bits_at = |at: usize| match at {
        _ if is_repeated(&token, at) || continues_row(&token, at) => 0.0,
        _ if is_in_word(&token, at) => BITS_OF_A_LETTER,
        _ if token[at].is_ascii_digit() => unpredictable.min(BITS_OF_A_DIGIT),
        _ => unpredictable,
    };
    (0..token.len()).map(bits_at).sum()
}

/// A class of characters: which ones, and how many there are.
type Class = (fn(&char) -> bool, f64);

/// The number of characters in the classes that the token uses.
fn alphabet(token: &[char]) -> f64 {
    let classes: [Class; 4] = [
        (char::is_ascii_lowercase, 26.0),
        (char::is_ascii_uppercase, 26.0),
        (char::is_ascii_digit, 10.0),
        (|character| !character.is_ascii_alphanumeric(), 32.0),
    ];
    classes.iter().filter(|(has, _)| token.iter().any(has)).map(|(_, size)| size).sum()
}

/// Whether the three characters that end here occurred before.
fn is_repeated(token: &[char], at: usize) -> bool {
    at >= 3 && token[..at].windows(3).any(|earlier| *earlier == token[at - 2..=at])
}

/// Whether the character continues a row such as `aaa`, `abc` or `321`.
fn continues_row(token: &[char], at: usize) -> bool {
    let step = |at: usize| i64::from(u32::from(token[at])) - i64::from(u32::from(token[at - 1]));
    at >= 2 && step(at).abs() <= 1 && step(at) == step(at - 1)
}

/// Whether the character belongs to a word: as a letter, as its first letter in another case, or as a sign next to it.
fn is_in_word(token: &[char], at: usize) -> bool {
    let is_next_to_word = || (at > 0 && is_letter_of_word(token, at - 1)) || is_letter_of_word(token, at + 1);
    is_letter_of_word(token, at) || (!token[at].is_ascii_digit() && is_next_to_word())
}

/// Whether the character is one of at least [`WORD_LETTERS`] letters of one case.
fn is_letter_of_word(token: &[char], at: usize) -> bool {
    [char::is_lowercase as fn(char) -> bool, char::is_uppercase].into_iter().any(|is_letter| {
        let before = token.iter().take(at).rev().take_while(|character| is_letter(**character)).count();
        let after = token.iter().skip(at).take_while(|character| is_letter(**character)).count();
        after > 0 && before + after >= WORD_LETTERS
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_tokens_are_hard_to_guess() {
        for token in [
            // openssl rand -base64 32, -base64 24 and -hex 16, uuidgen, a password manager, eight words.
            "7vQ0y1l3TnB4hXr9mUeKcWf2sZpJdGaO8iLkR5xVbNw=",
            "Xq8mZ2v7Kc1tRb9LwPf4HsY3GdJnE6uA",
            "9f86d081884c7d659a2feaa0c55ad015",
            "3b241101-e2bb-4255-8caf-4136c566a962",
            "kX7mQ2vR9tWc4LzN8bHs",
            "orbit-velvet-canyon-mango-thirsty-plaza-windmill-ember",
        ] {
            assert!(bits(token) >= LEAST_BITS, "{token}: {}", bits(token));
        }
    }

    #[test]
    fn words_rows_and_repetitions_are_easy_to_guess() {
        for token in [
            "",
            "short",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "0123456789abcdefghijklmnopqrstuvwxyz",
            "passwordpasswordpasswordpassword",
            "correct horse battery staple",
            "correct-horse-battery-staple-2026",
            "hunter2-hunter2-hunter2",
            "abc1abc1abc1abc1abc1abc1abc1abc1",
            "P@ssw0rd12345678",
            "Footfall-Dashboard-2026!",
            "qwertyuiopasdfghjklzxcvbnm",
            "kX7mQ2vR",
        ] {
            assert!(bits(token) < LEAST_BITS, "{token}: {}", bits(token));
        }
    }
}
