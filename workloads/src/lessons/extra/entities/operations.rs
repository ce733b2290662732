//! What is run and moved: services, goods, vehicles.

use crate::lessons::extra::{
    Entity, Field,
    Kind::{Amount, Choice, Date, Email, Flag, Names, Text, Whole},
};

/// Kinds of records of operations.
pub(super) const OPERATIONS: &[Entity] = &[
    Entity(
        "shipment",
        "shipments",
        "a parcel on its way from a warehouse",
        &[
            Field("order_id", Text, "The order whose goods are in the parcel"),
            Field(
                "carrier",
                Choice(&["dhl", "ups", "fedex", "post"]),
                "Who delivers it",
            ),
            Field(
                "weight_grams",
                Whole(1, 70_000),
                "What the packed parcel weighs",
            ),
            Field(
                "pickup_on",
                Date,
                "The day on which the carrier collects it",
            ),
            Field("insured_value", Amount, "What is paid out when it is lost"),
            Field(
                "needs_signature",
                Flag,
                "Whether somebody has to sign for it at the door",
            ),
        ],
    ),
    Entity(
        "feature_flag",
        "feature_flags",
        "a switch that turns a part of the product on for some users",
        &[
            Field(
                "key",
                Text,
                "The name by which code asks for it, in lower case with dashes",
            ),
            Field(
                "environment",
                Choice(&["development", "staging", "production"]),
                "Where the value applies",
            ),
            Field(
                "rollout_percent",
                Whole(0, 100),
                "The share of users for whom it is on",
            ),
            Field(
                "owner_email",
                Email,
                "Who answers for it and is asked before it is removed",
            ),
            Field(
                "expires_on",
                Date,
                "The day after which code should no longer ask for it",
            ),
            Field(
                "is_permanent",
                Flag,
                "Whether it is meant to stay, and never shows up as stale",
            ),
        ],
    ),
    Entity(
        "deployment",
        "deployments",
        "a version of a service that was brought into an environment",
        &[
            Field("service", Text, "Which service, as its repository is named"),
            Field("version", Text, "The tag or commit that was built"),
            Field(
                "environment",
                Choice(&["staging", "canary", "production"]),
                "Where it runs",
            ),
            Field("replicas", Whole(1, 500), "How many instances are started"),
            Field(
                "strategy",
                Choice(&["rolling", "blue_green", "recreate"]),
                "How old instances give way to new ones",
            ),
            Field(
                "may_roll_back",
                Flag,
                "Whether the last version comes back by itself when checks fail",
            ),
        ],
    ),
    Entity(
        "incident",
        "incidents",
        "a disturbance that customers notice",
        &[
            Field("title", Text, "What customers see on the status page"),
            Field("severity", Whole(1, 5), "How bad it is; 1 is the worst"),
            Field(
                "affected_services",
                Names,
                "The services that do not work as they should",
            ),
            Field("commander_email", Email, "Who leads the response"),
            Field(
                "began_on",
                Date,
                "The day on which the first alarm was raised",
            ),
            Field("is_public", Flag, "Whether the status page shows it"),
        ],
    ),
    Entity(
        "warehouse_bin",
        "warehouse_bins",
        "a place on a shelf that goods are kept in",
        &[
            Field("aisle", Text, "The aisle as it is painted on the floor"),
            Field(
                "level",
                Whole(0, 12),
                "The height of the shelf; 0 is the floor",
            ),
            Field("capacity_litres", Whole(1, 5_000), "How much goes into it"),
            Field(
                "zone",
                Choice(&["ambient", "chilled", "frozen", "hazardous"]),
                "What it is fit for",
            ),
            Field(
                "allowed_skus",
                Names,
                "The goods that may lie in it; none means all",
            ),
            Field(
                "is_locked",
                Flag,
                "Whether nothing may be put in or taken out",
            ),
        ],
    ),
    Entity(
        "vehicle",
        "vehicles",
        "a car or van of the fleet",
        &[
            Field("plate", Text, "The number plate without spaces"),
            Field(
                "kind",
                Choice(&["car", "van", "truck", "bicycle"]),
                "What sort of vehicle it is",
            ),
            Field(
                "mileage_km",
                Whole(0, 2_000_000),
                "What the odometer showed when it was last read",
            ),
            Field(
                "inspection_due_on",
                Date,
                "The day by which it must have been inspected",
            ),
            Field("leasing_rate", Amount, "What it costs in a month"),
            Field("driver_email", Email, "Who has the keys"),
        ],
    ),
];
