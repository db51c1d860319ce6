"""Payments at Stripe: asked by its SDK, answered in the shape that the database takes (`private.record_reading`)."""
