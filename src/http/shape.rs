//! Which channel a caller may ask for, and which one fits its role.

use crate::{
    auth::{Caller, Role},
    channels::{Channel, Shape},
    http::problem::Problem,
};

/// The shape of a caller's orders on the channel it asks for.
pub fn on_channel(caller: &Caller, channel: Option<Channel>) -> Result<Shape, Problem> {
    let Some(channel) = channel else { return Ok(usual(caller)) };
    let shape = match (caller.role, channel) {
        (Role::Courier | Role::Staff | Role::Service, Channel::Courier) => Shape::Courier,
        (Role::Customer | Role::Tracking | Role::Staff | Role::Service, Channel::Mobile) => {
            Shape::Mobile
        }
        (Role::Customer, Channel::Web) => Shape::Customer,
        (Role::Tracking, Channel::Web) => Shape::Link,
        (Role::Staff | Role::Service, Channel::Web) => Shape::Full,
        (Role::Staff | Role::Service, Channel::Kiosk) => Shape::Kiosk,
        (Role::Staff | Role::Service, Channel::Kitchen) => Shape::Kitchen,
        (Role::Staff | Role::Service, Channel::Board) => Shape::Board,
        (
            Role::Customer | Role::Tracking,
            Channel::Kiosk | Channel::Kitchen | Channel::Courier | Channel::Board,
        )
        | (
            Role::Courier,
            Channel::Mobile | Channel::Web | Channel::Kiosk | Channel::Kitchen | Channel::Board,
        ) => {
            return Err(Problem::forbidden(format!(
                "The role {} may not use this channel.",
                caller.role
            )));
        }
    };
    Ok(shape)
}

/// All that the caller may see: what the REST interface answers with.
pub fn widest(caller: &Caller) -> Shape {
    match caller.role {
        Role::Customer => Shape::Customer,
        Role::Tracking => Shape::Link,
        Role::Courier => Shape::Courier,
        Role::Staff | Role::Service => Shape::Full,
    }
}

fn usual(caller: &Caller) -> Shape {
    match caller.role {
        Role::Staff => Shape::Kitchen,
        Role::Customer | Role::Tracking | Role::Courier | Role::Service => widest(caller),
    }
}
