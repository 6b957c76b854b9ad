// The validator of others would send the description of this installation to them; a token is not kept.
SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#manual",
  deepLinking: true,
  validatorUrl: "none",
  persistAuthorization: false,
  presets: [SwaggerUIBundle.presets.apis],
});
