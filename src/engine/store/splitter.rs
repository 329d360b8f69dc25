//! Cuts a stream of bytes into JSON items: the elements of one array, or one item a line. It keeps
//! count of brackets and strings only; whether an item is JSON is for its reader to say. Nothing
//! here recurses, and no more is held than the item that is not complete.

/// How items are laid out in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// One JSON array.
    Array,
    /// One item a line; empty lines are skipped.
    Lines,
}

/// A complete item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece<'a> {
    /// Its bytes.
    pub raw: &'a [u8],
    /// The line on which it begins, from 1.
    pub line: u32,
    /// Where it begins, in bytes from the beginning of the stream.
    pub offset: u64,
}

/// Why a stream is not a sequence of items, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SplitError {
    /// One lower-case sentence.
    pub message: String,
    /// The line, from 1.
    pub line: u32,
    /// In bytes from the beginning of the stream.
    pub offset: u64,
}

/// The state of one stream.
#[derive(Debug)]
pub struct Splitter {
    layout: Layout,
    item_max: usize,
    state: State,
    /// What came of the item that is not complete.
    held: Vec<u8>,
    depth: u32,
    in_string: bool,
    escaped: bool,
    line: u32,
    offset: u64,
    item_line: u32,
    item_offset: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before the array's bracket.
    Start,
    /// Before the first element, or the bracket that ends an empty array.
    First,
    /// Before an element that a comma announced; or, of lines, before a line.
    Item,
    /// Within an item.
    Inside,
    /// Behind an element.
    Behind,
    /// Behind the array.
    End,
    /// Something was wrong; what follows is not looked at.
    Failed,
}

// === impl Splitter ===

impl Splitter {
    /// A splitter that refuses items of more than `item_max` bytes.
    pub fn new(layout: Layout, item_max: usize) -> Self {
        let state = if layout == Layout::Array { State::Start } else { State::Item };
        Self {
            layout,
            item_max,
            state,
            held: Vec::new(),
            depth: 0,
            in_string: false,
            escaped: false,
            line: 1,
            offset: 0,
            item_line: 1,
            item_offset: 0,
        }
    }

    /// Takes the next bytes and calls `take` for every item that they complete.
    pub fn feed(
        &mut self,
        bytes: &[u8],
        mut take: impl FnMut(Piece<'_>),
    ) -> Result<(), SplitError> {
        let result = match self.layout {
            Layout::Array => self.feed_array(bytes, &mut take),
            Layout::Lines => self.feed_lines(bytes, &mut take),
        };
        if result.is_err() {
            self.state = State::Failed;
            self.held = Vec::new();
        }
        result
    }

    /// Ends the stream.
    pub fn finish(&mut self, mut take: impl FnMut(Piece<'_>)) -> Result<(), SplitError> {
        match (self.layout, self.state) {
            (_, State::Failed) | (Layout::Array, State::End) => Ok(()),
            (Layout::Array, _) => {
                Err(self.error("this is not a JSON array: the text ends too early"))
            }
            (Layout::Lines, _) => {
                let held = std::mem::take(&mut self.held);
                self.line(&held, &mut take);
                Ok(())
            }
        }
    }

    fn feed_lines(
        &mut self,
        mut bytes: &[u8],
        take: &mut impl FnMut(Piece<'_>),
    ) -> Result<(), SplitError> {
        if self.state == State::Failed {
            return Ok(());
        }
        while let Some(end) = memchr::memchr(b'\n', bytes) {
            let (line, rest) = bytes.split_at(end);
            self.hold_within(line.len())?;
            if self.held.is_empty() {
                self.line(line, take);
            } else {
                let mut held = std::mem::take(&mut self.held);
                held.extend_from_slice(line);
                self.line(&held, take);
            }
            self.item_offset = self.offset + end as u64 + 1;
            self.offset = self.item_offset;
            self.line += 1;
            bytes = rest.get(1..).unwrap_or_default();
        }
        self.hold_within(bytes.len())?;
        self.held.extend_from_slice(bytes);
        self.offset += bytes.len() as u64;
        Ok(())
    }

    fn line(&self, raw: &[u8], take: &mut impl FnMut(Piece<'_>)) {
        if !raw.trim_ascii().is_empty() {
            take(Piece { raw, line: self.line, offset: self.item_offset });
        }
    }

    fn hold_within(&self, more: usize) -> Result<(), SplitError> {
        if self.held.len() + more <= self.item_max {
            return Ok(());
        }
        let message = format!("one item is longer than {} bytes", self.item_max);
        let line = if self.layout == Layout::Lines { self.line } else { self.item_line };
        Err(SplitError { message, line, offset: self.item_offset })
    }

    fn feed_array(
        &mut self,
        bytes: &[u8],
        take: &mut impl FnMut(Piece<'_>),
    ) -> Result<(), SplitError> {
        let mut rest = bytes;
        loop {
            rest = match self.state {
                State::Failed => return Ok(()),
                State::Inside => {
                    let Some(after) = self.inside(rest, take)? else { return Ok(()) };
                    after
                }
                _ => {
                    let Some(after) = self.between(rest)? else { return Ok(()) };
                    after
                }
            };
        }
    }

    /// Goes to the beginning of the next item; `None` when the bytes end before.
    fn between<'b>(&mut self, mut bytes: &'b [u8]) -> Result<Option<&'b [u8]>, SplitError> {
        while let Some((byte, rest)) = bytes.split_first() {
            match (byte, self.state) {
                (b' ' | b'\t' | b'\r', _) => {}
                (b'\n', _) => self.line += 1,
                (b'[', State::Start) => self.state = State::First,
                (b']', State::First | State::Behind) => self.state = State::End,
                (b',', State::Behind) => self.state = State::Item,
                (b',' | b']' | b':' | b'}', State::First | State::Item) => {
                    return Err(self.error("this is not a JSON array: an element is missing"));
                }
                (_, State::First | State::Item) => {
                    self.state = State::Inside;
                    self.item_line = self.line;
                    self.item_offset = self.offset;
                    return Ok(Some(bytes));
                }
                (_, State::Start) => return Err(self.error("this is not a JSON array")),
                (_, State::End) => {
                    return Err(self.error("this is not a JSON array: text follows it"));
                }
                (_, _) => {
                    let message = "this is not a JSON array: expected `,` or `]`";
                    return Err(self.error(message));
                }
            }
            self.offset += 1;
            bytes = rest;
        }
        Ok(None)
    }

    /// Goes to the end of an item; `None` when the bytes end before.
    fn inside<'b>(
        &mut self,
        bytes: &'b [u8],
        take: &mut impl FnMut(Piece<'_>),
    ) -> Result<Option<&'b [u8]>, SplitError> {
        let end = self.end_of_item(bytes);
        let (raw, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
        self.hold_within(raw.len())?;
        self.offset += raw.len() as u64;
        if end.is_none() {
            self.held.extend_from_slice(raw);
            return Ok(None);
        }
        let (line, offset) = (self.item_line, self.item_offset);
        if self.held.is_empty() {
            take(Piece { raw: raw.trim_ascii_end(), line, offset });
        } else {
            let mut held = std::mem::take(&mut self.held);
            held.extend_from_slice(raw);
            take(Piece { raw: held.trim_ascii_end(), line, offset });
        }
        self.state = State::Behind;
        Ok(Some(rest))
    }

    /// Where the item ends, counted from here: behind the bracket that closes it, or before what
    /// cannot belong to a value without brackets.
    fn end_of_item(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        while let Some(rest) = bytes.get(at..)
            && !rest.is_empty()
        {
            if self.in_string {
                if self.escaped {
                    self.escaped = false;
                    at += 1;
                    continue;
                }
                let skip = memchr::memchr2(b'"', b'\\', rest)?;
                at += skip + 1;
                match rest.get(skip) {
                    Some(b'\\') => self.escaped = true,
                    _ => self.in_string = false,
                }
                continue;
            }
            match rest.first() {
                Some(b'"') => self.in_string = true,
                Some(b'{' | b'[') => self.depth += 1,
                Some(b'}' | b']' | b',') if self.depth == 0 => return Some(at),
                Some(b'}' | b']') => {
                    self.depth -= 1;
                    if self.depth == 0 {
                        return Some(at + 1);
                    }
                }
                Some(b'\n') => self.line += 1,
                _ => {}
            }
            at += 1;
        }
        None
    }

    fn error(&self, message: &str) -> SplitError {
        SplitError { message: message.to_owned(), line: self.line, offset: self.offset }
    }
}
