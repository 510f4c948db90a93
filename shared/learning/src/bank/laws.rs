//! The laws by which transactions are invented: words, and eight spending categories.

/// The days, the weekend last.
pub(super) const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
/// How a payment is made.
pub(super) const CHANNELS: [&str; 5] = ["card", "cash", "online", "transfer", "direct debit"];
/// Who is paid; the last one may stand for anybody.
pub(super) const MERCHANTS: [&str; 18] = [
    "supermarket",
    "bakery",
    "restaurant",
    "cafe",
    "fuel station",
    "railway",
    "landlord",
    "bank",
    "energy supplier",
    "phone company",
    "department store",
    "web shop",
    "pharmacy",
    "clinic",
    "cinema",
    "streaming service",
    "kiosk",
    "payment service",
];
/// How often the merchant tells nothing: any category may be paid through a payment service.
pub(super) const VAGUE: f32 = 0.12;

/// The laws of one spending category.
pub(super) struct Category {
    /// Its name, the label.
    pub(super) name: &'static str,
    /// Mean and deviation of the amount's decimal logarithm.
    pub(super) amount: (f32, f32),
    /// Mean and deviation of the hour.
    pub(super) hour: (f32, f32),
    /// The weight of a day at the weekend, where a weekday has 1.
    pub(super) weekend: f32,
    /// Weights in the order of [`CHANNELS`].
    pub(super) channels: [f32; 5],
    /// Places in [`MERCHANTS`], with weights.
    pub(super) merchants: &'static [(usize, f32)],
    /// The share of payments that return each month.
    pub(super) recurring: f32,
}

/// The categories in label order.
pub(super) const CATEGORIES: [Category; 8] = [
    Category {
        name: "groceries",
        amount: (1.45, 0.28),
        hour: (16.0, 3.5),
        weekend: 1.4,
        channels: [6.0, 3.0, 0.5, 0.0, 0.0],
        merchants: &[(0, 7.0), (1, 2.0), (16, 1.0), (11, 0.3), (12, 0.2)],
        recurring: 0.02,
    },
    Category {
        name: "eating out",
        amount: (1.25, 0.30),
        hour: (17.5, 4.0),
        weekend: 2.0,
        channels: [6.0, 3.0, 1.0, 0.0, 0.0],
        merchants: &[(2, 5.0), (3, 3.0), (1, 1.0), (16, 0.6), (14, 0.3)],
        recurring: 0.01,
    },
    Category {
        name: "transport",
        amount: (1.40, 0.35),
        hour: (9.5, 4.0),
        weekend: 0.7,
        channels: [6.0, 1.0, 3.0, 0.0, 0.6],
        merchants: &[(4, 5.0), (5, 5.0), (16, 0.4)],
        recurring: 0.18,
    },
    Category {
        name: "housing",
        amount: (2.85, 0.22),
        hour: (7.0, 2.5),
        weekend: 0.2,
        channels: [0.0, 0.0, 1.0, 6.0, 3.0],
        merchants: &[(6, 7.0), (7, 3.0)],
        recurring: 0.92,
    },
    Category {
        name: "utilities",
        amount: (1.75, 0.25),
        hour: (7.5, 2.5),
        weekend: 0.2,
        channels: [0.2, 0.0, 1.5, 2.0, 6.0],
        merchants: &[(8, 5.0), (9, 5.0), (7, 0.4)],
        recurring: 0.88,
    },
    Category {
        name: "shopping",
        amount: (1.75, 0.38),
        hour: (17.0, 4.0),
        weekend: 1.6,
        channels: [5.0, 1.0, 5.0, 0.3, 0.2],
        merchants: &[(10, 4.0), (11, 5.0), (0, 0.5), (12, 0.3), (16, 0.2)],
        recurring: 0.03,
    },
    Category {
        name: "health",
        amount: (1.60, 0.36),
        hour: (11.5, 3.0),
        weekend: 0.3,
        channels: [5.0, 1.5, 1.0, 2.5, 0.5],
        merchants: &[(12, 5.0), (13, 4.0), (0, 0.4), (11, 0.4)],
        recurring: 0.06,
    },
    Category {
        name: "leisure",
        amount: (1.15, 0.32),
        hour: (19.5, 3.0),
        weekend: 2.2,
        channels: [4.0, 1.0, 4.0, 0.0, 1.5],
        merchants: &[(14, 4.0), (15, 4.0), (2, 0.5), (11, 0.7), (16, 0.6)],
        recurring: 0.35,
    },
];
