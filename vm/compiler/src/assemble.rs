//! The last stage: instructions to bytes, with their line and exception tables, and the code object around them.

use krait_bytecode::code::{co, fast};
use krait_bytecode::{Code, Const, Opcode};
use krait_syntax::error::{ErrorKind, SyntaxError};
use krait_unicode::SharedText;

use crate::flowgraph::CompileError;
use crate::flowgraph::cfg::{BlockId, Cfg, Instr};
use crate::instruction_sequence::{CodeUnitMetadata, Location, NEXT_LOCATION, NO_LOCATION};

/// What a code object is made of besides its instructions.
pub(crate) struct Unit<'a> {
    pub metadata: CodeUnitMetadata,
    pub consts: Vec<Const>,
    pub maxdepth: i32,
    pub nlocalsplus: usize,
    pub code_flags: u32,
    pub filename: &'a SharedText,
}

/// Code units from an END_ASYNC_FOR's SEND to the END_SEND behind it, which is where its operand leads.
const END_SEND_OFFSET: i32 = 5;

/// The jump of a block while its distance is sought.
struct Jump {
    /// Its place in [`Cfg::code`].
    place: usize,
    block: BlockId,
    target: BlockId,
    /// Code units between the start of the block and the jump.
    before: i32,
    size: i32,
}

impl Cfg {
    /// Assembles a code object.
    pub(crate) fn make_code_object(&mut self, unit: Unit<'_>) -> Result<Code, CompileError> {
        let mut jumps = self.number_blocks();
        let units = self.resolve_jump_offsets(&mut jumps)?;
        let code = self.emit(units)?;
        let firstlineno = unit.metadata.firstlineno;
        let mut table = std::mem::take(&mut self.bytes);
        self.location_table(firstlineno, &mut table);
        let linetable = table.as_slice().into();
        self.exception_table(units, &mut table)?;
        let exceptiontable = table.as_slice().into();
        self.bytes = table;
        let (localsplusnames, localspluskinds) = localsplus(&unit);
        let metadata = unit.metadata;
        Ok(Code {
            argcount: metadata.posonlyargcount + metadata.argcount,
            posonlyargcount: metadata.posonlyargcount,
            kwonlyargcount: metadata.kwonlyargcount,
            stacksize: u32::try_from(unit.maxdepth).unwrap_or(0).max(1),
            flags: unit.code_flags,
            code,
            consts: unit.consts,
            names: metadata.names.into_names(),
            localsplusnames,
            localspluskinds,
            filename: unit.filename.clone(),
            qualname: metadata.qualname.unwrap_or_else(|| metadata.name.clone()),
            name: metadata.name,
            firstlineno,
            linetable,
            exceptiontable,
        })
    }

    /// Numbers the instructions, measures the blocks and resolves locations that are those of the instruction behind. The jumps, which
    /// get their direction and the numbers of their targets as operands.
    fn number_blocks(&mut self) -> Vec<Jump> {
        let mut number = 0;
        let mut jumps = Vec::with_capacity(self.blocks.len());
        let mut borrowed_locations = false;
        self.for_each(|cfg, id| {
            let mut units = 0;
            for place in cfg.blocks[id].range() {
                let instr = &cfg.code[place];
                borrowed_locations |= instr.loc == NEXT_LOCATION;
                match instr.target.filter(|_| instr.opcode.has_jump()) {
                    Some(target) => jumps.push(Jump { place, block: id, target, before: units, size: 0 }),
                    None => units += instr_size(instr),
                }
            }
            let block = &mut cfg.blocks[id];
            (block.number, block.units) = (number, units);
            number += block.len() as u32;
        });
        if borrowed_locations {
            self.resolve_next_locations();
        }
        for jump in &jumps {
            let block = &self.blocks[jump.block];
            let at = block.number + (jump.place - block.range().start) as u32;
            let target = self.blocks[jump.target].number;
            let instr = &mut self.code[jump.place];
            instr.oparg = i32::try_from(target).unwrap_or(i32::MAX);
            instr.opcode = match instr.opcode {
                Opcode::JUMP | Opcode::JUMP_NO_INTERRUPT if target > at => Opcode::JUMP_FORWARD,
                Opcode::JUMP => Opcode::JUMP_BACKWARD,
                Opcode::JUMP_NO_INTERRUPT => Opcode::JUMP_BACKWARD_NO_INTERRUPT,
                other => other,
            };
        }
        jumps
    }

    /// Turns targets into distances, longer ones until nothing moves any more. Each block gets its offset; the length of all in code units.
    fn resolve_jump_offsets(&mut self, jumps: &mut [Jump]) -> Result<i32, CompileError> {
        if jumps.iter().any(|jump| self.first_nonempty(Some(jump.target)).is_none()) {
            return Err(malformed("jump with NULL target"));
        }
        loop {
            let mut offset = 0;
            let mut rest = jumps.iter_mut().peekable();
            self.for_each(|cfg, id| {
                cfg.blocks[id].offset = offset;
                offset += cfg.blocks[id].units;
                if let Some(jump) = rest.next_if(|jump| jump.block == id) {
                    jump.size = instr_size(&cfg.code[jump.place]);
                    offset += jump.size;
                }
            });
            let mut grown = false;
            for jump in jumps.iter() {
                let end = self.blocks[jump.block].offset + jump.before + jump.size;
                let target = self.blocks[jump.target].offset;
                let instr = &mut self.code[jump.place];
                instr.oparg = match instr.opcode {
                    Opcode::END_ASYNC_FOR => end - target - END_SEND_OFFSET,
                    _ => (end - target).abs(),
                };
                grown |= instr_size(instr) != jump.size;
            }
            if !grown {
                return Ok(offset);
            }
        }
    }

    /// The code, of `units` code units; caches are zero.
    fn emit(&self, units: i32) -> Result<Box<[u8]>, CompileError> {
        let mut code = vec![0; 2 * usize::try_from(units).unwrap_or(0)].into_boxed_slice();
        let mut at = 0;
        let mut write = |opcode: u8, arg: u8, caches: usize| {
            if let Some(unit) = code.get_mut(at..at + 2) {
                unit.copy_from_slice(&[opcode, arg]);
            }
            at += 2 + 2 * caches;
        };
        for instr in self.order().flat_map(|id| self.instrs(id)) {
            let opcode = u8::try_from(instr.opcode.number()).map_err(|_| malformed("pseudo instruction left"))?;
            let [high, middle, low, arg] = instr.oparg.to_be_bytes();
            for (part, limit) in [(high, 0xff_ffff), (middle, 0xffff), (low, 0xff)] {
                if instr.oparg > limit {
                    write(Opcode::EXTENDED_ARG as u8, part, 0);
                }
            }
            write(opcode, arg, instr.opcode.caches());
        }
        Ok(code)
    }

    /// An instruction may be placed where the one behind it is.
    fn resolve_next_locations(&mut self) {
        let order: Vec<BlockId> = self.order().collect();
        let mut next = NO_LOCATION;
        for id in order.into_iter().rev() {
            for instr in self.instrs_mut(id).iter_mut().rev() {
                if instr.loc == NEXT_LOCATION {
                    instr.loc = if instr.opcode.is_terminator() { NO_LOCATION } else { next };
                }
                next = instr.loc;
            }
        }
    }

    /// Entries of start, length, target and depth, for runs of instructions with the same handler.
    fn exception_table(&self, units: i32, table: &mut Vec<u8>) -> Result<(), CompileError> {
        table.clear();
        if !self.has_handlers {
            return Ok(());
        }
        let mut handler: Option<BlockId> = None;
        let number = |handler: Option<BlockId>| handler.map(|id| self.blocks[id].number);
        let (mut start, mut at) = (0, 0);
        for instr in self.order().flat_map(|id| self.instrs(id)) {
            if number(instr.except) != number(handler) {
                self.exception_entry(handler, start, at, table)?;
                start = at;
                handler = instr.except;
            }
            at += instr_size(instr);
        }
        self.exception_entry(handler, start, units, table)
    }

    fn exception_entry(&self, handler: Option<BlockId>, start: i32, end: i32, table: &mut Vec<u8>) -> Result<(), CompileError> {
        let Some(handler) = handler else { return Ok(()) };
        if self.first_nonempty(Some(handler)).is_none() {
            return Err(malformed("handler with NULL target"));
        }
        let handler = &self.blocks[handler];
        let depth = (handler.startdepth - 1 - i32::from(handler.preserve_lasti)).max(0);
        let values = [start, end - start, handler.offset, depth << 1 | i32::from(handler.preserve_lasti)];
        for (nth, value) in values.into_iter().enumerate() {
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
    fn location_table(&self, firstlineno: i32, table: &mut Vec<u8>) {
        table.clear();
        let mut line = firstlineno;
        let mut loc = NO_LOCATION;
        let mut size = 0;
        for instr in self.order().flat_map(|id| self.instrs(id)) {
            if instr.loc != loc {
                location_entries(loc, size, &mut line, table);
                loc = instr.loc;
                size = 0;
            }
            size += instr_size(instr);
        }
        location_entries(loc, size, &mut line, table);
    }
}

fn malformed(message: &str) -> CompileError {
    Box::new(SyntaxError::new(ErrorKind::SystemError, message))
}

/// Length of an instruction in code units, its EXTENDED_ARGs and caches included.
fn instr_size(instr: &Instr) -> i32 {
    let extended = match instr.oparg {
        ..=0xff => 0,
        0x100..=0xffff => 1,
        0x1_0000..=0xff_ffff => 2,
        _ => 3,
    };
    extended + 1 + instr.opcode.caches() as i32
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
            table.extend_from_slice(&[head(column >> 3), ((column & 7) << 4 | (end_column - column)) as u8]);
            return;
        }
        if (0..3).contains(&delta) && column < 128 && end_column < 128 {
            table.extend_from_slice(&[head(10 + delta), column as u8, end_column as u8]);
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
fn localsplus(unit: &Unit<'_>) -> (Vec<SharedText>, Box<[u8]>) {
    let metadata = &unit.metadata;
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
