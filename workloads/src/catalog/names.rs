//! The words that products are made of.

/// The categories; a product's is the one at its index modulo 20.
pub const CATEGORIES: [&str; 20] = [
    "Electronics", "Books", "Clothing", "Sports", "Home", "Garden", "Toys", "Food", "Beauty",
    "Automotive", "Music", "Movies", "Games", "Office", "Health", "Pets", "Travel", "Tools",
    "Jewelry", "Baby",
];

/// The brands, all invented; a product's is the one at its index modulo 50.
pub const BRANDS: [&str; 50] = [
    "Acme", "Birchwood", "Calder", "Dunmore", "Eastgate", "Fernhill", "Glenrock", "Harrowby",
    "Inverley", "Juniper", "Kestrel", "Larkfield", "Marlowe", "Northway", "Oakhurst", "Pinecrest",
    "Quillon", "Ravensby", "Stonebeck", "Thornbury", "Umberto", "Vellano", "Westbrook", "Xandria",
    "Yarrow", "Zephyrine", "Alderton", "Brightwell", "Copperfield", "Dovetail", "Elmstead",
    "Foxglove", "Greystone", "Hollin", "Ironbridge", "Jasperton", "Kingsley", "Lindenau",
    "Mistral", "Nettlewood", "Orchard", "Peregrine", "Quarrymen", "Rosedale", "Silverbirch",
    "Tamarind", "Upland", "Violetta", "Wexcombe", "Yellowtail",
];

/// The tags; a product has the next two to four of them from its index on, modulo 12.
pub(super) const TAGS: [&str; 12] = [
    "new", "popular", "sale", "limited", "classic", "compact", "premium", "refurbished", "gift",
    "seasonal", "recycled", "imported",
];
