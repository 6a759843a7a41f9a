//! Properties of the decoders: any bytes are read without a panic, and what is written is read back.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test panics")]

use krait_bytecode::code::fast;
use krait_bytecode::marshal::{read_const, write_const};
use krait_bytecode::{Code, Const, Opcode, dis, exceptiontable, linetable, verify};
use num_bigint::BigInt;
use proptest::collection::vec;
use proptest::prelude::*;
use std::rc::Rc;

fn constant() -> impl Strategy<Value = Const> {
    let leaf = prop_oneof![
        Just(Const::None),
        any::<bool>().prop_map(Const::from_bool),
        Just(Const::Ellipsis),
        any::<i64>().prop_map(Const::Int),
        vec(any::<u8>(), 0..40).prop_map(|b| Const::from_bigint(BigInt::from_signed_bytes_le(&b))),
        any::<f64>().prop_map(Const::Float),
        (any::<f64>(), any::<f64>()).prop_map(|(re, im)| Const::Complex(re, im)),
        any::<String>().prop_map(|s| Const::Str(s.as_str().into())),
        vec(any::<u8>(), 0..300).prop_map(|b| Const::Bytes(b.into())),
    ];
    leaf.prop_recursive(6, 64, 8, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..8).prop_map(|items| Const::Tuple(items.into())),
            [inner.clone(), inner.clone(), inner.clone()].prop_map(|items| Const::Slice(Rc::new(items))),
            // What occurs twice may be written once.
            inner.prop_map(|item| Const::Tuple([item.clone(), item].into())),
        ]
    })
}

/// Not-a-number is not the same as itself; its bits are.
fn text(value: &Const) -> String {
    format!("{value:?}")
}

fn opcode() -> impl Strategy<Value = [u8; 2]> {
    (any::<u8>(), prop_oneof![any::<u8>(), 0..6_u8]).prop_map(|(number, arg)| [number, arg])
}

proptest! {
    #[test]
    fn marshal_reads_any_bytes(data in vec(any::<u8>(), 0..200)) {
        if let Ok(value) = read_const(&data) {
            let written = write_const(&value, 2).unwrap();
            prop_assert_eq!(text(&read_const(&written).unwrap()), text(&value));
        }
    }

    #[test]
    fn marshal_reads_damaged_data(value in constant(), at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>()) {
        let mut data = write_const(&value, 5).unwrap();
        let at = at.index(data.len());
        data[at] = byte;
        if cut {
            data.truncate(at);
        }
        if let Ok(read) = read_const(&data) {
            write_const(&read, 5).unwrap();
        }
    }

    #[test]
    fn marshal_reads_what_it_writes(value in constant(), version in prop_oneof![Just(2), Just(3), Just(4), Just(5)]) {
        // Slices came with version 5.
        if let Ok(data) = write_const(&value, version) {
            prop_assert_eq!(text(&read_const(&data).unwrap()), text(&value));
        } else {
            prop_assert!(version < 5);
        }
    }

    #[test]
    fn line_tables_of_any_bytes(table in vec(any::<u8>(), 0..120), first in any::<i32>()) {
        let entries: Vec<_> = linetable::Entries::new(&table, first).collect();
        prop_assert!(entries.len() <= table.len());
        let mut at = 0;
        for entry in &entries {
            prop_assert_eq!(entry.start, at);
            prop_assert!((1..=8).contains(&(entry.end - entry.start)));
            at = entry.end;
        }
        let positions: Vec<_> = linetable::positions(&table, first).collect();
        prop_assert_eq!(positions.len(), at as usize);
        for (unit, position) in positions.iter().enumerate() {
            prop_assert_eq!(linetable::position_at(&table, first, unit as u32), *position);
        }
        let mut last = 0;
        for line in linetable::lines(&table, first) {
            prop_assert_eq!(line.start, last);
            last = line.end;
        }
        prop_assert_eq!(last, 2 * at);
        prop_assert_eq!(linetable::lnotab(&table, first).len() % 2, 0);
    }

    #[test]
    fn exception_tables_of_any_bytes(table in vec(any::<u8>(), 0..200), units in vec(any::<u32>(), 0..10)) {
        prop_assert!(exceptiontable::Entries::new(&table).count() <= table.len());
        for unit in units {
            if let Some(entry) = exceptiontable::lookup(&table, unit) {
                prop_assert!((entry.start..entry.end).contains(&unit));
            }
        }
    }

    #[test]
    fn exception_tables_are_searched_as_they_are_scanned(steps in vec((0..9_u32, 1..9_u32, 0..5000_u32, 0..40_u32), 0..80)) {
        let (mut table, mut at) = (Vec::new(), 0);
        for (gap, length, target, depth) in steps {
            at += gap;
            let mut numbers = [at, length, target, depth].into_iter();
            number(&mut table, numbers.next().unwrap(), 0x80);
            numbers.for_each(|n| number(&mut table, n, 0));
            at += length;
        }
        for unit in 0..at + 2 {
            let scanned = exceptiontable::Entries::new(&table).find(|e| (e.start..e.end).contains(&unit));
            prop_assert_eq!(exceptiontable::lookup(&table, unit), scanned);
        }
    }

    #[test]
    fn code_of_any_bytes(instructions in vec(opcode(), 0..60), stacksize in 0..20_u32, table in vec(any::<u8>(), 0..20), kinds in vec(any::<u8>(), 0..4)) {
        let names: Vec<_> = kinds.iter().map(|_| "x".into()).collect();
        let code = Code {
            code: instructions.concat().into(),
            consts: vec![Const::None; 3],
            names: vec!["a".into(), "b".into()],
            localsplusnames: names,
            localspluskinds: kinds.into(),
            exceptiontable: table.into(),
            stacksize,
            ..Code::default()
        };
        dis::listing(&code);
        let (passed, found) = verify::both_ways(&code);
        prop_assert!(!passed || found.is_ok(), "{found:?}");
    }

    /// Mostly jumps, pushes and pops, so that much of it is sound or nearly so.
    #[test]
    fn the_pass_proves_nothing_that_the_search_refutes(
        ops in vec((0..14_usize, 0..6_u8), 1..40),
        table in vec((0..6_u8, 1..6_u8, 0..40_u8, 0..6_u8), 0..4),
        stacksize in 1..5_u32,
    ) {
        const CHOICE: [Opcode; 14] = [
            Opcode::LOAD_CONST, Opcode::POP_TOP, Opcode::NOP, Opcode::POP_JUMP_IF_TRUE, Opcode::JUMP_FORWARD, Opcode::JUMP_BACKWARD,
            Opcode::RETURN_VALUE, Opcode::LOAD_FAST, Opcode::EXTENDED_ARG, Opcode::FOR_ITER, Opcode::END_FOR, Opcode::COPY, Opcode::TO_BOOL, Opcode::RERAISE,
        ];
        let mut bytes = Vec::new();
        for (op, arg) in ops {
            bytes.extend([CHOICE[op] as u8, arg]);
            bytes.extend(vec![0; 2 * CHOICE[op].caches()]);
        }
        let (mut entries, mut at) = (Vec::new(), 0);
        for (gap, length, target, depth) in table {
            entries.extend([0x80 | ((at + gap) & 63), length, target, depth]);
            at += gap + length;
        }
        let code = Code {
            code: bytes.into(),
            consts: vec![Const::None],
            localsplusnames: vec!["x".into(), "y".into()],
            localspluskinds: [fast::LOCAL, fast::CELL].into(),
            exceptiontable: entries.into(),
            stacksize,
            ..Code::default()
        };
        let (passed, found) = verify::both_ways(&code);
        prop_assert!(!passed || found.is_ok(), "{found:?}");
    }

    #[test]
    fn sound_code_stays_in_bounds(ops in vec((0..129_u8, 0..8_u8), 0..40)) {
        let mut bytes = vec![Opcode::RESUME as u8, 0];
        for (number, arg) in ops {
            bytes.extend([number, arg]);
            bytes.extend(vec![0; 2 * Opcode::from_u16(u16::from(number)).map_or(0, Opcode::caches)]);
        }
        bytes.extend([Opcode::LOAD_CONST as u8, 0, Opcode::RETURN_VALUE as u8, 0]);
        let code = Code {
            code: bytes.into(),
            consts: vec![Const::None],
            names: vec!["a".into()],
            localsplusnames: vec!["x".into(), "y".into()],
            localspluskinds: [fast::LOCAL, fast::CELL].into(),
            stacksize: 8,
            ..Code::default()
        };
        if verify::verify(&code).is_ok() {
            // A walk along the fall-through path finds what the verifier found.
            let mut depth = 0_i64;
            for instr in dis::Instructions::new(&code.code) {
                let opcode = instr.opcode.unwrap();
                let arg = i32::try_from(instr.oparg).unwrap();
                depth -= i64::from(opcode.popped(arg));
                prop_assert!(depth >= 0);
                depth += i64::from(opcode.pushed(arg));
                prop_assert!(depth <= 8);
                if opcode.is_unconditional_jump() || opcode.is_scope_exit() {
                    break;
                }
            }
        }
    }
}

fn number(table: &mut Vec<u8>, value: u32, first: u8) {
    let shifts: Vec<u32> = (0..5).rev().map(|i| 6 * i).skip_while(|shift| *shift > 0 && value >> shift == 0).collect();
    for (i, shift) in shifts.iter().enumerate() {
        let more = if *shift > 0 { 0x40 } else { 0 };
        table.push((value >> shift & 63) as u8 | more | if i == 0 { first } else { 0 });
    }
}
