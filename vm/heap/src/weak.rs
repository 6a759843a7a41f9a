//! Weak references: an intrusive list per referent, its head in the pre-header.
//!
//! The runtime's `weakref.ref` payload begins with [`WeakLinks`]. When a referent dies, its references are cleared here at once, and
//! those with a callback are queued.

use crate::header::Header;
use crate::state;
use crate::traverse::{Clear, Traverse, Visit};
use crate::value::Value;
use std::cell::Cell;

/// First field of the payload of weak references.
#[repr(C)]
pub struct WeakLinks {
    /// The referent, not counted; null when it is dead.
    referent: Cell<*const Header>,
    prev: Cell<*const Header>,
    next: Cell<*const Header>,
    /// The callback, while it has not been called.
    pub callback: Cell<Option<Value>>,
}

impl WeakLinks {
    /// Not linked yet.
    pub fn new(callback: Option<Value>) -> WeakLinks {
        WeakLinks { referent: Cell::default(), prev: Cell::default(), next: Cell::default(), callback: Cell::new(callback) }
    }

    /// A new strong reference to the referent, if it lives.
    pub fn upgrade(&self) -> Option<Value> {
        // SAFETY: cleared before the referent's memory is given back.
        let referent = unsafe { self.referent.get().as_ref()? };
        (referent.refcnt() != 0).then(|| Value::new_ref(referent))
    }

    /// Whether the referent is dead.
    pub fn is_dead(&self) -> bool {
        self.referent.get().is_null()
    }

    /// The next reference to the same referent.
    pub fn next(&self) -> Option<Value> {
        // SAFETY: references unlink themselves before they die.
        unsafe { self.next.get().as_ref() }.map(Value::new_ref)
    }

    /// Whether there is a callback.
    pub fn has_callback(&self) -> bool {
        let callback = self.callback.take();
        let some = callback.is_some();
        self.callback.set(callback);
        some
    }

    /// A new reference to the callback.
    pub fn callback(&self) -> Option<Value> {
        let callback = self.callback.take();
        let copy = callback.clone();
        self.callback.set(callback);
        copy
    }

    /// Links the weak reference `this`, whose payload this is, into the list of `referent`: behind `after`, which is in that list, or as its
    /// head. False if the referent's type has no room for weak references.
    pub fn link(&self, this: &Header, referent: &Header, after: Option<&Header>) -> bool {
        let Some(pre) = referent.pre() else { return false };
        self.referent.set(referent);
        let next = match after {
            Some(after) => {
                self.prev.set(after);
                links(after).next.replace(this)
            }
            None => {
                self.prev.set(std::ptr::null());
                pre.weakrefs.replace(this)
            }
        };
        self.next.set(next);
        // SAFETY: the list holds live references only.
        if let Some(next) = unsafe { next.as_ref() } {
            links(next).prev.set(this);
        }
        true
    }

    /// Takes the reference out of its referent's list; it is dead afterwards.
    pub fn unlink(&self) {
        // SAFETY: a referent that is set is alive, as are the neighbours.
        unsafe {
            let Some(referent) = self.referent.get().as_ref() else { return };
            match self.prev.get().as_ref() {
                Some(prev) => links(prev).next.set(self.next.get()),
                None => {
                    if let Some(pre) = referent.pre() {
                        pre.weakrefs.set(self.next.get());
                    }
                }
            }
            if let Some(next) = self.next.get().as_ref() {
                links(next).prev.set(self.prev.get());
            }
        }
        self.referent.set(std::ptr::null());
        self.prev.set(std::ptr::null());
        self.next.set(std::ptr::null());
    }
}

impl Drop for WeakLinks {
    fn drop(&mut self) {
        self.unlink();
    }
}

impl Traverse for WeakLinks {
    fn traverse(&self, visit: &mut Visit<'_>) {
        let callback = self.callback.take();
        callback.traverse(visit);
        self.callback.set(callback);
    }
    fn clear(&mut self, out: &mut Clear) {
        self.callback.get_mut().clear(out);
    }
}

fn links(header: &Header) -> &WeakLinks {
    // SAFETY: only weak references, whose payload begins with their links, are in the lists.
    unsafe { &*std::ptr::from_ref(header).add(1).cast() }
}

/// The first weak reference to the object.
pub fn weakrefs_head(object: &Header) -> Option<Value> {
    // SAFETY: references unlink themselves before they die.
    unsafe { object.pre()?.weakrefs.get().as_ref() }.map(Value::new_ref)
}

/// Makes all weak references to `object` dead and queues those with callbacks, newest first as CPython calls them.
pub fn clear_weakrefs(object: &Header) {
    let Some(pre) = object.pre() else { return };
    // SAFETY: as above; `unlink` advances the head.
    while let Some(weak) = unsafe { pre.weakrefs.get().as_ref() } {
        links(weak).unlink();
        if weak.refcnt() > 0 && links(weak).has_callback() {
            state::queue_callback(Value::new_ref(weak));
        }
    }
}
