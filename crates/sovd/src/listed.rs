//! Collections of which no more is known than names, and collections that come in pages.
//! Refuses to ask for the next page by itself: how much is read is the caller's business.

use serde_json::value::RawValue;

use crate::call::Call;
use crate::document::Document;
use crate::error::Error;
use crate::fields::Fields;
use crate::link::Link;
use crate::receipt::IDS;

/// A resource of which its collection tells no more than the name.
#[derive(Debug, Clone)]
pub struct Named {
    /// Unique in its collection.
    pub id: String,
    /// Where it is.
    pub href: Link,
    /// The whole entry: mostly the id itself, from some servers an object.
    pub raw: Box<RawValue>,
}

impl Named {
    pub(crate) fn decode_list(document: &Document) -> Result<Vec<Self>, Error> {
        document.items("list", Self::decode)
    }

    fn decode(place: &Link, raw: &RawValue) -> Result<Self, Error> {
        let fields = Fields::of_any(raw);
        let id = serde_json::from_str(raw.get()).ok().or_else(|| fields.text(IDS));
        let id: String = id.ok_or_else(|| Error::malformed("list: an entry without id"))?;
        Ok(Self { href: fields.href(place, &id), id, raw: raw.to_owned() })
    }
}

/// One page of a collection, from a server that divides them; the standard does not.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// The entries of this page.
    pub items: Vec<T>,
    /// How many entries there are on all pages; `None` if the server did not say.
    pub total: Option<u64>,
    /// How this server asks for the page after this one; `None` on the last page.
    pub next: Option<NextPage>,
    /// How large the answer was.
    pub bytes: usize,
}

/// One page of a collection as the server wrote it.
#[derive(Debug, Clone)]
pub struct RawPage {
    /// The whole answer.
    pub raw: Box<RawValue>,
    /// How this server asks for the page after this one; `None` on the last page.
    pub next: Option<NextPage>,
}

/// How to ask for the next page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NextPage {
    /// With this in the query parameter `page`.
    Number(u64),
    /// At this place.
    Place(Link),
}

impl<T: 'static> Call<Vec<T>> {
    /// The same request, also telling whether there is more than what came.
    pub fn page(self) -> Call<Page<T>> {
        self.read_as(|document, decode| {
            let raw = document.required("page")?;
            let fields = Fields::of(raw, "page")?;
            Ok(Page {
                items: decode(document)?,
                total: fields.number(&["total_count", "total", "@odata.count"]),
                next: NextPage::named(&fields, document),
                bytes: raw.get().len(),
            })
        })
    }

    /// The same request for a page as the server wrote it, which is only checked to be JSON.
    pub fn raw_page(self) -> Call<RawPage> {
        self.read_as(|document, _| {
            let raw = document.required("page")?;
            let next = NextPage::named(&Fields::of_any(raw), document);
            Ok(RawPage { raw: raw.to_owned(), next })
        })
    }
}

impl Call<RawPage> {
    /// Asks for the page that an earlier one named as its next.
    pub fn at(self, next: &NextPage) -> Self {
        self.turned_to(next)
    }
}

impl<T> Call<T> {
    fn turned_to(self, next: &NextPage) -> Self {
        match next {
            NextPage::Number(number) => self.query("page", &number.to_string()),
            NextPage::Place(place) => self.moved_to(place),
        }
    }
}

impl NextPage {
    fn named(fields: &Fields, document: &Document) -> Option<Self> {
        let number = fields.number(&["next_page"]).map(Self::Number);
        let places = ["next_page", "@odata.nextLink"];
        let place = || places.iter().find_map(|name| fields.link(name, document.place()));
        number.or_else(|| place().map(Self::Place))
    }
}

impl<T: 'static> Call<Page<T>> {
    /// Asks for the page that an earlier one named as its next.
    pub fn at(self, next: &NextPage) -> Self {
        self.turned_to(next)
    }
}
