//! From the input of a call of the console to its line, as Hardhat and anvil print it.
//!
//! The functions are those of Hardhat's `console.sol`: `log` of up to four values of `uint256`, `string`, `bool` and
//! `address`, and one for each other type. Old versions of it named `uint` and `int` in their signatures, which gives
//! other selectors: both are known. A first string is a format (`%s`, `%d`, `%i`, `%o`, `%x`, `%%`) as in Node's
//! `util.format`.

use alloy::{
    dyn_abi::{DynSolType, DynSolValue},
    primitives::{U256, hex, keccak256},
};
use std::{collections::HashMap, fmt::Write as _, iter::Peekable, sync::LazyLock};

/// The most values of one call.
const MAX_VALUES: usize = 4;

static FUNCTIONS: LazyLock<HashMap<[u8; 4], Vec<DynSolType>>> = LazyLock::new(functions);

/// The line, if the input is a call of one of the functions.
pub fn format_call(input: &[u8]) -> Option<String> {
    let (selector, data) = input.split_first_chunk::<4>()?;
    let types = FUNCTIONS.get(selector)?;
    let values = DynSolType::Tuple(types.clone())
        .abi_decode_params(data)
        .ok()?;
    Some(line(values.as_fixed_seq()?))
}

fn functions() -> HashMap<[u8; 4], Vec<DynSolType>> {
    let plain = [
        DynSolType::Uint(256),
        DynSolType::String,
        DynSolType::Bool,
        DynSolType::Address,
    ];
    let mut functions = HashMap::new();
    let mut lists: Vec<Vec<DynSolType>> = vec![Vec::new()];
    let mut first = 0;
    for _ in 0..MAX_VALUES {
        let last = lists.len();
        for place in first..last {
            for kind in &plain {
                let mut longer = lists[place].clone();
                longer.push(kind.clone());
                lists.push(longer);
            }
        }
        first = last;
    }
    lists.push(vec![DynSolType::Int(256)]);
    lists.push(vec![DynSolType::String, DynSolType::Int(256)]);
    for list in lists {
        add(&mut functions, "log", &list);
    }
    let mut named = vec![
        ("Int".to_owned(), DynSolType::Int(256)),
        ("Uint".to_owned(), DynSolType::Uint(256)),
        ("String".to_owned(), DynSolType::String),
        ("Bool".to_owned(), DynSolType::Bool),
        ("Address".to_owned(), DynSolType::Address),
        ("Bytes".to_owned(), DynSolType::Bytes),
    ];
    named.extend((1..=32).map(|size| (format!("Bytes{size}"), DynSolType::FixedBytes(size))));
    for (name, value) in named {
        add(
            &mut functions,
            &format!("log{name}"),
            std::slice::from_ref(&value),
        );
        add(&mut functions, "log", &[value]);
    }
    functions
}

/// Adds a function under its selector and under that of its old signature.
fn add(functions: &mut HashMap<[u8; 4], Vec<DynSolType>>, name: &str, types: &[DynSolType]) {
    let names: Vec<_> = types.iter().map(DynSolType::sol_type_name).collect();
    let signature = format!("{name}({})", names.join(","));
    let old = signature.replace("int256", "int");
    for signature in [signature, old] {
        let hash = keccak256(signature);
        functions.insert([hash[0], hash[1], hash[2], hash[3]], types.to_vec());
    }
}

fn line(values: &[DynSolValue]) -> String {
    let mut values = values.iter().peekable();
    let mut out = String::new();
    if let Some(DynSolValue::String(format)) = values.peek() {
        values.next();
        if values.peek().is_none() {
            return format.clone();
        }
        fill(&mut out, format, &mut values);
        for value in values {
            let _ = write!(out, " {}", plain(value));
        }
        return out;
    }
    for (index, value) in values.enumerate() {
        let space = if index == 0 { "" } else { " " };
        // Writing to a String cannot fail.
        let _ = write!(out, "{space}{}", plain(value));
    }
    out
}

/// Puts values in the places of a format; places without a value stay as they are.
fn fill<'a>(
    out: &mut String,
    format: &str,
    values: &mut Peekable<impl Iterator<Item = &'a DynSolValue>>,
) {
    let mut rest = format.chars().peekable();
    while let Some(character) = rest.next() {
        if character != '%' {
            out.push(character);
            continue;
        }
        let Some(place) = rest.peek().copied() else {
            out.push('%');
            break;
        };
        if place == '%' {
            rest.next();
            out.push('%');
        } else if matches!(place, 's' | 'd' | 'i' | 'o' | 'x')
            && let Some(value) = values.next()
        {
            rest.next();
            out.push_str(&placed(value, place));
        } else {
            out.push('%');
        }
    }
}

fn placed(value: &DynSolValue, place: char) -> String {
    match (place, value) {
        ('o', DynSolValue::String(text)) => format!("'{text}'"),
        ('d' | 'i', DynSolValue::Bool(flag)) => u8::from(*flag).to_string(),
        ('d' | 'i', DynSolValue::Address(address)) => {
            U256::from_be_slice(address.as_slice()).to_string()
        }
        ('d' | 'i', DynSolValue::String(_)) => "NaN".to_owned(),
        ('x', DynSolValue::Uint(number, _)) => format!("{number:#x}"),
        ('x', DynSolValue::Int(number, _)) => format!("{number:#x}"),
        ('x', DynSolValue::Bool(flag)) => format!("{:#x}", u8::from(*flag)),
        ('x', DynSolValue::String(text)) => hex::encode_prefixed(text),
        _ => plain(value),
    }
}

fn plain(value: &DynSolValue) -> String {
    match value {
        DynSolValue::String(text) => text.clone(),
        DynSolValue::Bool(flag) => flag.to_string(),
        DynSolValue::Address(address) => address.to_string(),
        DynSolValue::Uint(number, _) => number.to_string(),
        DynSolValue::Int(number, _) => number.to_string(),
        DynSolValue::Bytes(bytes) => hex::encode_prefixed(bytes),
        DynSolValue::FixedBytes(word, size) => {
            hex::encode_prefixed(&word[..(*size).min(word.len())])
        }
        other => format!("{other:?}"),
    }
}

#[cfg(test)]
mod tests;
