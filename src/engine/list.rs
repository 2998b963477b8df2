//! What an iterator gives, in a vector. The standard library has several ways to do that, and compiles most
//! of them for every iterator: three functions of a page's download where one will do.

/// An iterator that can be listed.
pub trait List: Iterator {
    /// All that it gives, in order.
    fn list(self) -> Vec<Self::Item>;
}

impl<Items: Iterator> List for Items {
    fn list(self) -> Vec<Self::Item> {
        let mut all = Vec::new();
        for item in self {
            all.push(item);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_listed_in_order() {
        assert_eq!((0..5).filter(|n| n % 2 == 0).list(), [0, 2, 4]);
        assert_eq!(std::iter::empty::<u8>().list(), []);
    }
}
