//! A tab is loaded anew: what the new page finds of the one before.

use crate::agenda::Time;
use crate::sometimes::Rare;
use crate::story::tell;
use crate::world::World;

/// What a page that is loaded anew finds of the one before.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) session: Vec<(String, String)>,
    /// The data that the app kept: query, version, when it was fetched and when the server last
    /// said that it is the newest.
    pub(super) data: Vec<(usize, u64, Time, Time)>,
}

impl World {
    /// A tab is loaded anew.
    pub(crate) fn reload(&mut self, tab: usize) {
        self.load_anew(tab, None);
    }

    /// A tab is loaded anew. What is stored may be a lie. The app may have kept what it knows the
    /// age of: all of a family or nothing.
    pub(super) fn load_anew(&mut self, tab: usize, lie: Option<u64>) {
        let seat = self.tabs[tab].seat;
        let browser = seat.browser;
        self.close(tab);
        let mut session = self.terms.tabs[tab].session.clone();
        let set = self.browsers[browser].clock_set;
        let kept = self.tabs[tab].app.queries.list.iter().enumerate();
        let kept = kept.filter_map(|(at, query)| {
            // What nobody looked at is not what was stored the age of.
            if !query.mounted {
                return None;
            }
            let mut terms = self.terms.list.iter();
            let term = terms.find(|term| term.reload && term.family == query.family)?;
            let mut stored = session.iter();
            let told = stored.any(|(key, _)| key.ends_with(&term.name));
            // Whose clock was set since knows no age.
            let proven = query.proven.filter(|proven| told && *proven > set)?;
            Some((at, query.shown?, proven, query.vouched))
        });
        let data: Vec<_> = match self.terms.chance.one_in(2) {
            true => kept.collect(),
            false => Vec::new(),
        };
        if let Some(lie) = lie {
            let wall = self.browsers[browser]
                .clocks(self.now, self.tabs[tab].origin)
                .wall
                .0;
            for (_, value) in &mut session {
                self.sometimes.reached(Rare::SessionLies);
                *value = match lie / 2 % 5 {
                    0 => (wall + 3_600_000).to_string(),
                    1 => "99999999999999999999".to_owned(),
                    2 => "{\"at\":1}".to_owned(),
                    3 => (wall + 86_400_000 * 365).to_string(),
                    _ => String::new(),
                };
            }
        }
        if !data.is_empty() {
            self.sometimes.reached(Rare::DataKeptOverReload);
        }
        tell!(self, "{} keeps {data:?} {session:?}", self.name(tab));
        self.terms.kept = Some(Kept { session, data });
        self.open(seat);
        self.terms.kept = None;
    }
}
