//! The last stage: instructions to bytes, with their line and exception tables, and the code object around them.

use krait_bytecode::code::{co, fast};
use krait_bytecode::{Code, Const, Opcode};
use krait_syntax::error::{Details, ErrorKind, SyntaxError};
use krait_unicode::{Text, TextBuf};

use crate::flowgraph::CompileError;
use crate::instruction_sequence::{
    CodeUnitMetadata, ExceptHandlerInfo, Instruction, InstructionSequence, Location, NEXT_LOCATION, NO_HANDLER, NO_LOCATION,
};

/// What a code object is made of besides its instructions.
pub(crate) struct Unit<'a> {
    pub metadata: &'a CodeUnitMetadata,
    pub consts: Vec<Const>,
    pub maxdepth: i32,
    pub nlocalsplus: usize,
    pub code_flags: u32,
    pub filename: &'a Text,
}

/// Code units from an END_ASYNC_FOR's SEND to the END_SEND behind it, which is where its operand leads.
const END_SEND_OFFSET: i32 = 5;

/// Assembles a code object.
pub(crate) fn make_code_object(mut seq: InstructionSequence, unit: Unit<'_>) -> Result<Code, CompileError> {
    let instrs = seq.instrs_mut();
    resolve_unconditional_jumps(instrs);
    let offsets = resolve_jump_offsets(instrs)?;
    resolve_next_locations(instrs);
    let metadata = unit.metadata;
    let mut code = Vec::new();
    for instr in instrs.iter() {
        emit(instr, &mut code)?;
    }
    let (localsplusnames, localspluskinds) = localsplus(&unit);
    Ok(Code {
        argcount: metadata.posonlyargcount + metadata.argcount,
        posonlyargcount: metadata.posonlyargcount,
        kwonlyargcount: metadata.kwonlyargcount,
        stacksize: u32::try_from(unit.maxdepth).unwrap_or(0).max(1),
        flags: unit.code_flags,
        code: code.into(),
        consts: unit.consts,
        names: metadata.names.names().to_vec(),
        localsplusnames,
        localspluskinds,
        filename: unit.filename.to_owned(),
        name: metadata.name.clone(),
        qualname: metadata.qualname.as_ref().unwrap_or(&metadata.name).clone(),
        firstlineno: metadata.firstlineno,
        linetable: location_table(instrs, metadata.firstlineno).into(),
        exceptiontable: exception_table(instrs, &offsets)?.into(),
    })
}

fn malformed(message: &str) -> CompileError {
    Box::new(SyntaxError {
        kind: ErrorKind::SystemError,
        message: message.into(),
        lineno: 0,
        offset: 0,
        end_lineno: 0,
        end_offset: 0,
        text: None,
        details: Details::Full,
        parser: None,
    })
}

fn resolve_unconditional_jumps(instrs: &mut [Instruction]) {
    for (at, instr) in instrs.iter_mut().enumerate() {
        let forward = usize::try_from(instr.oparg).is_ok_and(|target| target > at);
        instr.opcode = match instr.opcode {
            Opcode::JUMP if forward => Opcode::JUMP_FORWARD,
            Opcode::JUMP => Opcode::JUMP_BACKWARD,
            Opcode::JUMP_NO_INTERRUPT if forward => Opcode::JUMP_FORWARD,
            Opcode::JUMP_NO_INTERRUPT => Opcode::JUMP_BACKWARD_NO_INTERRUPT,
            other => other,
        };
    }
}

/// Length of an instruction in code units, its EXTENDED_ARGs and caches included.
fn instr_size(instr: &Instruction) -> i32 {
    let extended = match instr.oparg {
        ..=0xff => 0,
        0x100..=0xffff => 1,
        0x1_0000..=0xff_ffff => 2,
        _ => 3,
    };
    extended + 1 + instr.opcode.caches() as i32
}

/// Turns targets into distances, longer ones until nothing moves any more. The offsets of all instructions, in code units.
fn resolve_jump_offsets(instrs: &mut [Instruction]) -> Result<Vec<i32>, CompileError> {
    let targets: Vec<(usize, usize)> = (instrs.iter().enumerate())
        .filter(|(_, instr)| instr.opcode.has_jump())
        .map(|(at, instr)| usize::try_from(instr.oparg).map(|target| (at, target)))
        .collect::<Result<_, _>>()
        .map_err(|_| malformed("jump with NULL target"))?;
    let mut offsets = vec![0; instrs.len()];
    loop {
        let mut offset = 0;
        for (instr, at) in instrs.iter().zip(&mut offsets) {
            *at = offset;
            offset += instr_size(instr);
        }
        let mut grown = false;
        for &(at, target) in &targets {
            let size = instr_size(&instrs[at]);
            let target = *offsets.get(target).ok_or_else(|| malformed("jump with NULL target"))?;
            let end = offsets[at] + size;
            instrs[at].oparg = match instrs[at].opcode {
                Opcode::END_ASYNC_FOR => end - target - END_SEND_OFFSET,
                _ => (end - target).abs(),
            };
            grown |= instr_size(&instrs[at]) != size;
        }
        if !grown {
            return Ok(offsets);
        }
    }
}

/// An instruction may be placed where the one behind it is.
fn resolve_next_locations(instrs: &mut [Instruction]) {
    let mut next = NO_LOCATION;
    for instr in instrs.iter_mut().rev() {
        if instr.loc == NEXT_LOCATION {
            instr.loc = if instr.opcode.is_terminator() { NO_LOCATION } else { next };
        }
        next = instr.loc;
    }
}

fn emit(instr: &Instruction, code: &mut Vec<u8>) -> Result<(), CompileError> {
    let opcode = u8::try_from(instr.opcode.number()).map_err(|_| malformed("pseudo instruction left"))?;
    let [high, middle, low, arg] = instr.oparg.to_be_bytes();
    if instr.oparg > 0xff_ffff {
        code.extend([Opcode::EXTENDED_ARG as u8, high]);
    }
    if instr.oparg > 0xffff {
        code.extend([Opcode::EXTENDED_ARG as u8, middle]);
    }
    if instr.oparg > 0xff {
        code.extend([Opcode::EXTENDED_ARG as u8, low]);
    }
    code.extend([opcode, arg]);
    code.resize(code.len() + 2 * instr.opcode.caches(), 0);
    Ok(())
}

/// Entries of start, length, target and depth, for runs of instructions with the same handler.
fn exception_table(instrs: &[Instruction], offsets: &[i32]) -> Result<Vec<u8>, CompileError> {
    let mut table = Vec::new();
    let mut handler = NO_HANDLER;
    let mut start = 0;
    let mut end = 0;
    for (instr, offset) in instrs.iter().zip(offsets) {
        if instr.except_handler.label != handler.label {
            exception_entry(handler, start, *offset, offsets, &mut table)?;
            start = *offset;
            handler = instr.except_handler;
        }
        end = offset + instr_size(instr);
    }
    exception_entry(handler, start, end, offsets, &mut table)?;
    Ok(table)
}

fn exception_entry(
    handler: ExceptHandlerInfo,
    start: i32,
    end: i32,
    offsets: &[i32],
    table: &mut Vec<u8>,
) -> Result<(), CompileError> {
    let Ok(target) = usize::try_from(handler.label) else { return Ok(()) };
    let target = *offsets.get(target).ok_or_else(|| malformed("handler with NULL target"))?;
    let depth = (handler.startdepth - 1 - i32::from(handler.preserve_lasti)).max(0);
    for (nth, value) in [start, end - start, target, depth << 1 | i32::from(handler.preserve_lasti)].into_iter().enumerate() {
        let mut first = if nth == 0 { 0x80 } else { 0 };
        for shift in [24, 18, 12, 6] {
            if value >= 1 << shift {
                table.push((value >> shift) as u8 & 0x3f | 0x40 | first);
                first = 0;
            }
        }
        table.push(value as u8 & 0x3f | first);
    }
    Ok(())
}

/// The location table: entries of up to eight code units, in the shortest form that holds the location.
fn location_table(instrs: &[Instruction], firstlineno: i32) -> Vec<u8> {
    let mut table = Vec::new();
    let mut line = firstlineno;
    let mut loc = NO_LOCATION;
    let mut size = 0;
    for instr in instrs {
        if instr.loc != loc {
            location_entries(loc, size, &mut line, &mut table);
            loc = instr.loc;
            size = 0;
        }
        size += instr_size(instr);
    }
    location_entries(loc, size, &mut line, &mut table);
    table
}

fn location_entries(loc: Location, mut size: i32, line: &mut i32, table: &mut Vec<u8>) {
    while size > 8 {
        location_entry(loc, 8, line, table);
        size -= 8;
    }
    if size > 0 {
        location_entry(loc, size, line, table);
    }
}

fn location_entry(loc: Location, size: i32, line: &mut i32, table: &mut Vec<u8>) {
    let head = |code: i32| 0x80 | (code << 3) as u8 | (size - 1) as u8;
    if loc.lineno < 0 {
        table.push(head(15));
        return;
    }
    let delta = loc.lineno - *line;
    let (column, end_column) = (loc.col_offset, loc.end_col_offset);
    *line = loc.lineno;
    if column < 0 || end_column < 0 {
        if loc.end_lineno == loc.lineno || loc.end_lineno == -1 {
            table.push(head(13));
            signed_varint(delta, table);
            return;
        }
    } else if loc.end_lineno == loc.lineno {
        if delta == 0 && column < 80 && (column..column + 16).contains(&end_column) {
            table.push(head(column >> 3));
            table.push(((column & 7) << 4 | (end_column - column)) as u8);
            return;
        }
        if (0..3).contains(&delta) && column < 128 && end_column < 128 {
            table.extend([head(10 + delta), column as u8, end_column as u8]);
            return;
        }
    }
    table.push(head(14));
    signed_varint(delta, table);
    varint((loc.end_lineno - loc.lineno) as u32, table);
    varint((column + 1) as u32, table);
    varint((end_column + 1) as u32, table);
}

fn varint(mut value: u32, table: &mut Vec<u8>) {
    while value >= 64 {
        table.push(0x40 | (value & 0x3f) as u8);
        value >>= 6;
    }
    table.push(value as u8);
}

fn signed_varint(value: i32, table: &mut Vec<u8>) {
    let magnitude = value.unsigned_abs() << 1;
    varint(if value < 0 { magnitude | 1 } else { magnitude }, table);
}

/// Names and kinds of all variables: locals (arguments first), cells that are no locals, free variables.
fn localsplus(unit: &Unit<'_>) -> (Vec<TextBuf>, Box<[u8]>) {
    let metadata = unit.metadata;
    let mut names = Vec::with_capacity(unit.nlocalsplus);
    let mut kinds = Vec::with_capacity(unit.nlocalsplus);
    let flag = |mask: u32| u32::from(unit.code_flags & mask != 0);
    let arguments = [
        (metadata.posonlyargcount, fast::ARG_POS),
        (metadata.argcount, fast::ARG_POS | fast::ARG_KW),
        (metadata.kwonlyargcount, fast::ARG_KW),
        (flag(co::VARARGS), fast::ARG_VAR | fast::ARG_POS),
        (flag(co::VARKEYWORDS), fast::ARG_VAR | fast::ARG_KW),
    ];
    let mut argument_kinds = arguments.iter().flat_map(|(count, kind)| std::iter::repeat_n(*kind, *count as usize));
    for name in metadata.varnames.names() {
        let mut kind = fast::LOCAL | argument_kinds.next().unwrap_or(0);
        if metadata.fasthidden.contains_key(name) {
            kind |= fast::HIDDEN;
        }
        if metadata.cellvars.contains(name) {
            kind |= fast::CELL;
        }
        names.push(name.clone());
        kinds.push(kind);
    }
    for name in metadata.cellvars.names().iter().filter(|name| !metadata.varnames.contains(name)) {
        names.push(name.clone());
        kinds.push(fast::CELL);
    }
    for name in metadata.freevars.names() {
        names.push(name.clone());
        kinds.push(fast::FREE);
    }
    (names, kinds.into())
}
