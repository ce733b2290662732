//! What an office keeps: bills, people, appointments, agreements.

use super::CURRENCIES;
use crate::lessons::extra::{
    Entity, Field,
    Kind::{Amount, Choice, Date, Email, Flag, Names, Text, Whole},
};

/// Kinds of records of an office.
pub(super) const OFFICE: &[Entity] = &[
    Entity(
        "invoice",
        "invoices",
        "a bill that was sent to a customer",
        &[
            Field(
                "customer_id",
                Text,
                "The customer who is to pay, for example `cus_8301`",
            ),
            Field("due_on", Date, "The day by which the amount has to arrive"),
            Field(
                "currency",
                Choice(CURRENCIES),
                "The currency of every amount on the invoice",
            ),
            Field("net_amount", Amount, "The sum of all lines before tax"),
            Field(
                "tax_percent",
                Whole(0, 30),
                "The rate of tax that applies to all lines",
            ),
            Field(
                "reference",
                Text,
                "The customer's own order number, printed above the lines",
            ),
            Field(
                "is_draft",
                Flag,
                "Whether it can still be changed and has no number yet",
            ),
        ],
    ),
    Entity(
        "support_ticket",
        "support_tickets",
        "a question or complaint that a customer has brought up",
        &[
            Field(
                "subject",
                Text,
                "What it is about, in one line that agents see in their queue",
            ),
            Field("requester_email", Email, "Where answers go"),
            Field(
                "priority",
                Choice(&["low", "normal", "high", "urgent"]),
                "How soon it has to be looked at",
            ),
            Field(
                "channel",
                Choice(&["mail", "chat", "phone", "web"]),
                "How the customer got in touch",
            ),
            Field("assigned_team", Text, "The team whose queue it waits in"),
            Field(
                "labels",
                Names,
                "Words by which similar tickets are found again",
            ),
            Field("is_escalated", Flag, "Whether a supervisor follows it"),
        ],
    ),
    Entity(
        "calendar_event",
        "calendar_events",
        "an appointment in a shared calendar",
        &[
            Field("title", Text, "What participants see in their calendars"),
            Field(
                "day",
                Date,
                "The day of the appointment in the organiser's time zone",
            ),
            Field(
                "start_minute",
                Whole(0, 1_439),
                "When it begins, in minutes after midnight",
            ),
            Field("duration_minutes", Whole(5, 1_440), "How long it takes"),
            Field("organiser_email", Email, "Who may move or cancel it"),
            Field(
                "participants",
                Names,
                "Mail addresses of everybody who is invited",
            ),
            Field(
                "room",
                Text,
                "The room that is booked with it, if it takes place in one",
            ),
            Field(
                "is_private",
                Flag,
                "Whether others see only that the time is taken",
            ),
        ],
    ),
    Entity(
        "employee",
        "employees",
        "a person on the payroll",
        &[
            Field("full_name", Text, "First and last name as in the contract"),
            Field("work_email", Email, "The address that the company gave out"),
            Field(
                "department",
                Choice(&["sales", "engineering", "finance", "people", "support"]),
                "Where the person works",
            ),
            Field(
                "manager_id",
                Text,
                "The employee to whom the person reports",
            ),
            Field("started_on", Date, "The first day of work"),
            Field(
                "weekly_hours",
                Whole(1, 40),
                "Hours of work that are agreed for a week",
            ),
        ],
    ),
    Entity(
        "purchase_order",
        "purchase_orders",
        "an order that was placed with a supplier",
        &[
            Field(
                "supplier_id",
                Text,
                "Who is to deliver, for example `sup_117`",
            ),
            Field(
                "cost_centre",
                Text,
                "The budget that pays, as accounting numbers it",
            ),
            Field(
                "total",
                Amount,
                "What all lines cost together, delivery included",
            ),
            Field("currency", Choice(CURRENCIES), "The currency of the total"),
            Field(
                "deliver_by",
                Date,
                "The last day on which goods are taken in",
            ),
            Field(
                "approvers",
                Names,
                "Everybody who has to agree before it is sent",
            ),
        ],
    ),
    Entity(
        "contract",
        "contracts",
        "an agreement with a customer that renews itself",
        &[
            Field("account_id", Text, "The customer's account"),
            Field("signed_on", Date, "The day on which both sides had signed"),
            Field(
                "term_months",
                Whole(1, 120),
                "How long it runs before it is renewed",
            ),
            Field("yearly_value", Amount, "What the customer pays in a year"),
            Field(
                "currency",
                Choice(CURRENCIES),
                "The currency of the yearly value",
            ),
            Field(
                "notice_days",
                Whole(0, 365),
                "How long before its end it has to be cancelled",
            ),
            Field("renews", Flag, "Whether it goes on when nobody cancels it"),
        ],
    ),
    Entity(
        "campaign",
        "campaigns",
        "a series of mails to a group of recipients",
        &[
            Field("name", Text, "What the campaign is called in reports"),
            Field(
                "segment",
                Text,
                "The saved group of recipients, for example `trial-ended`",
            ),
            Field("send_on", Date, "The day of the first mail"),
            Field(
                "daily_limit",
                Whole(1, 1_000_000),
                "Mails that leave in a day at most",
            ),
            Field("budget", Amount, "What it may cost in all"),
            Field("reply_to", Email, "Where answers of recipients arrive"),
        ],
    ),
    Entity(
        "expense_report",
        "expense_reports",
        "money that an employee laid out and wants back",
        &[
            Field("employee_id", Text, "Who laid it out"),
            Field("purpose", Text, "What it was for, as auditors will read it"),
            Field("spent_on", Date, "The day on the receipt"),
            Field("amount", Amount, "The sum on the receipt, tax included"),
            Field(
                "currency",
                Choice(CURRENCIES),
                "The currency on the receipt",
            ),
            Field(
                "category",
                Choice(&["travel", "meals", "lodging", "equipment", "other"]),
                "How it is booked",
            ),
        ],
    ),
    Entity(
        "survey",
        "surveys",
        "questions that are put to users of the product",
        &[
            Field("title", Text, "What users see above the first question"),
            Field(
                "language",
                Choice(&["de", "en", "es", "fr", "ja"]),
                "The language of all questions",
            ),
            Field("opens_on", Date, "The first day on which answers are taken"),
            Field(
                "wanted_answers",
                Whole(1, 100_000),
                "After how many answers it closes by itself",
            ),
            Field("questions", Names, "The questions in their order"),
            Field(
                "is_anonymous",
                Flag,
                "Whether answers are kept without their user",
            ),
        ],
    ),
];
